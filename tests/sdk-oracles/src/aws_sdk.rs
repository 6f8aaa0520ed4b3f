//! EC2 through `aws-sdk-ec2`, the vendor's own SDK. It reads error codes, follows pages and makes client tokens by itself.

mod errors;
mod hosts;

use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::{Config, Credentials, Region};
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::RequestId;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, Filter, HttpTokensState, Instance,
    InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, InstanceStateName, InstanceType,
    IpPermission, IpRange, Ipv6Range, ResourceType, Tag, TagSpecification, VolumeType,
};
use aws_sdk_ec2::{Client, config::BehaviorVersion};
use provision_sim::Effect;

use crate::cases::Outcome;
use crate::ec2::{CLOUD, IMAGE, NO_INSTANCE, REGION, keys, reading_keys, user_data};
use crate::world::{USER_DATA, World, digest};
use crate::{cases, holds, same};

cases! {
    "create" => hosts::creates,
    "get" => hosts::gets,
    "list" => hosts::lists,
    "pages" => hosts::pages,
    "delete" => hosts::deletes,
    "catalog" => hosts::catalogs,
    "firewall" => hosts::groups,
    "repeat" => hosts::repeats,
    "lost answer" => hosts::loses_an_answer,
    "error: bad credential" => errors::bad_credential,
    "error: read only" => errors::read_only,
    "error: not found" => errors::not_found,
    "error: unknown plan" => errors::unknown_plan,
    "error: unknown image" => errors::unknown_image,
    "error: unknown region" => errors::unknown_region,
    "error: name taken" => errors::name_taken,
    "error: bad field" => errors::bad_field,
    "error: busy" => errors::busy,
    "error: quota" => errors::quota,
    "error: sold out" => errors::sold_out,
    "error: rate limited" => errors::rate_limited,
    "error: server fault" => errors::server_fault,
}

fn client_of(world: &World, credentials: Credentials, region: &str, retries: RetryConfig) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .endpoint_url(world.url(CLOUD))
        .retry_config(retries)
        .build();
    Client::from_conf(config)
}

fn client_with(world: &World, (key, secret): (String, String), region: &str) -> Client {
    let credentials = Credentials::new(key, secret, None, None, "oracle");
    client_of(world, credentials, region, RetryConfig::disabled())
}

fn client(world: &World) -> Client {
    client_with(world, keys(), REGION)
}

fn tags(kind: ResourceType, pairs: &[(&str, &str)]) -> TagSpecification {
    let tags = pairs
        .iter()
        .map(|(key, value)| Tag::builder().key(*key).value(*value).build());
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags.collect()))
        .build()
}

fn filter(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn interface() -> InstanceNetworkInterfaceSpecification {
    InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .associate_public_ip_address(true)
        .delete_on_termination(true)
        .build()
}

fn bare(client: &Client) -> RunInstancesFluentBuilder {
    client
        .run_instances()
        .min_count(1)
        .max_count(1)
        .image_id(IMAGE)
        .instance_type(InstanceType::T3Micro)
}

fn request(client: &Client, name: &str) -> RunInstancesFluentBuilder {
    let disk = EbsBlockDevice::builder()
        .volume_size(9)
        .volume_type(VolumeType::Gp3)
        .delete_on_termination(true);
    let disk = BlockDeviceMapping::builder()
        .device_name("/dev/sda1")
        .ebs(disk.build())
        .build();
    let metadata = InstanceMetadataOptionsRequest::builder()
        .http_tokens(HttpTokensState::Required)
        .build();
    bare(client)
        .user_data(user_data())
        .block_device_mappings(disk)
        .metadata_options(metadata)
        .credit_specification(CreditSpecificationRequest::builder().cpu_credits("standard").build())
        .tag_specifications(tags(
            ResourceType::Instance,
            &[("Name", name), ("managed-by", "oracle & co")],
        ))
        .tag_specifications(tags(ResourceType::Volume, &[("Name", name)]))
}

fn told<E: std::error::Error + 'static>(error: SdkError<E>) -> String {
    format!("{}", aws_sdk_ec2::error::DisplayErrorContext(error))
}

async fn make(request: RunInstancesFluentBuilder) -> Result<Instance, String> {
    let made = request.send().await.map_err(told)?;
    same!(made.instances().len(), 1);
    made.instances()
        .first()
        .cloned()
        .ok_or_else(|| "no instance".to_owned())
}

async fn list(client: &Client, filters: Vec<Filter>) -> Result<Vec<String>, String> {
    let found = client
        .describe_instances()
        .set_filters(Some(filters))
        .send()
        .await
        .map_err(told)?;
    let instances = found
        .reservations()
        .iter()
        .flat_map(|reservation| reservation.instances());
    Ok(instances.map(|instance| id(instance).to_owned()).collect())
}

async fn get(client: &Client, id: &str) -> Result<Instance, String> {
    let found = client
        .describe_instances()
        .instance_ids(id)
        .send()
        .await
        .map_err(told)?;
    let instances = found
        .reservations()
        .iter()
        .flat_map(|reservation| reservation.instances());
    let instances: Vec<_> = instances.collect();
    same!(instances.len(), 1);
    instances
        .first()
        .map(|instance| (*instance).clone())
        .ok_or_else(|| "no instance".to_owned())
}

fn id(instance: &Instance) -> &str {
    instance.instance_id().unwrap_or_default()
}

fn state(instance: &Instance) -> Option<&InstanceStateName> {
    instance.state()?.name()
}

/// Status and code of a refusal.
fn refusal<R: std::fmt::Debug, E: ProvideErrorMetadata + std::error::Error + 'static>(
    result: Result<R, SdkError<E>>,
) -> Result<(u16, String), String> {
    let error = match result {
        Ok(answer) => return Err(format!("no refusal: {answer:?}")),
        Err(error) => error,
    };
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16())
        .unwrap_or_default();
    let code = error.code().map(str::to_owned);
    holds!(error.message().is_some_and(|message| !message.is_empty()), "no message");
    holds!(error.request_id().is_some(), "no request id");
    let code = code.ok_or_else(|| told(error))?;
    Ok((status, code))
}

async fn refused(world: &World, request: RunInstancesFluentBuilder) -> Result<String, String> {
    let (_, code) = refusal(request.send().await)?;
    same!(world.items("host"), vec![]);
    Ok(code)
}

async fn make_group(client: &Client) -> Result<String, String> {
    let made = client
        .create_security_group()
        .group_name("web")
        .description("of an oracle")
        .tag_specifications(tags(ResourceType::SecurityGroup, &[("managed-by", "oracle")]))
        .send();
    let made = made.await.map_err(told)?;
    made.group_id().map(str::to_owned).ok_or_else(|| "no group".to_owned())
}

async fn make_within(client: &Client, group: &str) -> Result<Instance, String> {
    let mut interface = interface();
    interface.groups = Some(vec![group.to_owned()]);
    make(request(client, "web-1").network_interfaces(interface)).await
}
