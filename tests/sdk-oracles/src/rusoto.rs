//! EC2 through `rusoto_ec2`.
//!
//! It knows no error code of EC2: every refusal is `Unknown` with the raw answer. Its model is of 2021.

mod errors;
mod hosts;

use provision_sim::Effect;
use rusoto_core::{HttpClient, Region, RusotoError};
use rusoto_credential::StaticProvider;
use rusoto_ec2::{
    AuthorizeSecurityGroupIngressRequest, BlockDeviceMapping, CreateSecurityGroupRequest, CreateTagsRequest,
    CreditSpecificationRequest, DeleteSecurityGroupRequest, DescribeImagesRequest, DescribeInstanceTypesRequest,
    DescribeInstancesRequest, DescribeRegionsRequest, DescribeSecurityGroupsRequest, DescribeVolumesRequest,
    EbsBlockDevice, Ec2, Ec2Client, Filter, Instance, InstanceMetadataOptionsRequest,
    InstanceNetworkInterfaceSpecification, IpPermission, IpRange, Ipv6Range, ModifyInstanceAttributeRequest,
    Reservation, RunInstancesRequest, Tag, TagSpecification, TerminateInstancesRequest,
};

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

fn client_with(world: &World, (key, secret): (String, String), region: &str) -> Ec2Client {
    let region = Region::Custom {
        name: region.to_owned(),
        endpoint: world.url(CLOUD),
    };
    // The client that `HttpClient::new` makes with rustls refuses plain HTTP.
    let http = HttpClient::from_connector(hyper014::client::HttpConnector::new());
    Ec2Client::new_with(http, StaticProvider::new_minimal(key, secret), region)
}

fn client(world: &World) -> Ec2Client {
    client_with(world, keys(), REGION)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn tags(kind: &str, pairs: &[(&str, &str)]) -> TagSpecification {
    let tags = pairs.iter().map(|(key, value)| Tag {
        key: some(key),
        value: some(value),
    });
    TagSpecification {
        resource_type: some(kind),
        tags: Some(tags.collect()),
    }
}

fn filter(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned());
    Filter {
        name: some(name),
        values: Some(values.collect()),
    }
}

/// Uses what a caller would use, so that names of parameters are tried out.
fn request(name: &str) -> RunInstancesRequest {
    RunInstancesRequest {
        min_count: 1,
        max_count: 1,
        image_id: some(IMAGE),
        instance_type: some("t3.micro"),
        user_data: Some(user_data()),
        network_interfaces: Some(vec![InstanceNetworkInterfaceSpecification {
            device_index: Some(0),
            associate_public_ip_address: Some(true),
            delete_on_termination: Some(true),
            ..Default::default()
        }]),
        block_device_mappings: Some(vec![BlockDeviceMapping {
            device_name: some("/dev/sda1"),
            ebs: Some(EbsBlockDevice {
                volume_size: Some(9),
                volume_type: some("gp3"),
                delete_on_termination: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        }]),
        metadata_options: Some(InstanceMetadataOptionsRequest {
            http_tokens: some("required"),
            ..Default::default()
        }),
        credit_specification: Some(CreditSpecificationRequest {
            cpu_credits: "standard".to_owned(),
        }),
        tag_specifications: Some(vec![
            tags("instance", &[("Name", name), ("managed-by", "oracle & co")]),
            tags("volume", &[("Name", name)]),
        ]),
        ..Default::default()
    }
}

fn only(reservation: Reservation) -> Result<Instance, String> {
    let mut instances = reservation.instances.unwrap_or_default();
    same!(instances.len(), 1);
    instances.pop().ok_or_else(|| "no instance".to_owned())
}

async fn make(client: &Ec2Client, request: RunInstancesRequest) -> Result<Instance, String> {
    only(client.run_instances(request).await.map_err(|error| error.to_string())?)
}

async fn describe(client: &Ec2Client, request: DescribeInstancesRequest) -> Result<Vec<Instance>, String> {
    let found = client
        .describe_instances(request)
        .await
        .map_err(|error| error.to_string())?;
    let found = found.reservations.unwrap_or_default().into_iter();
    Ok(found
        .flat_map(|reservation| reservation.instances.unwrap_or_default())
        .collect())
}

async fn get(client: &Ec2Client, id: &str) -> Result<Instance, String> {
    let request = DescribeInstancesRequest {
        instance_ids: Some(vec![id.to_owned()]),
        ..Default::default()
    };
    let mut found = describe(client, request).await?;
    same!(found.len(), 1);
    found.pop().ok_or_else(|| "no instance".to_owned())
}

fn state(instance: &Instance) -> (i64, &str) {
    let state = instance.state.as_ref();
    let name = state.and_then(|state| state.name.as_deref()).unwrap_or_default();
    (state.and_then(|state| state.code).unwrap_or(-1), name)
}

fn id(instance: &Instance) -> Result<String, String> {
    instance.instance_id.clone().ok_or_else(|| "no id".to_owned())
}

/// Status and code of a refusal, which the SDK leaves to its user.
fn refusal<R: std::fmt::Debug, E: std::fmt::Debug>(result: Result<R, RusotoError<E>>) -> Result<(u16, String), String> {
    match result {
        Err(RusotoError::Unknown(response)) => {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            let code = body
                .split("<Code>")
                .nth(1)
                .and_then(|rest| rest.split("</Code>").next());
            let code = code.ok_or_else(|| format!("no code: {body}"))?.to_owned();
            holds!(body.contains("<RequestID>"), "no request id: {body}");
            Ok((response.status.as_u16(), code))
        }
        other => Err(format!("no refusal: {other:?}")),
    }
}

async fn refused(world: &World, request: RunInstancesRequest) -> Result<String, String> {
    let (_, code) = refusal(client(world).run_instances(request).await)?;
    same!(world.items("host"), vec![]);
    Ok(code)
}

fn group(name: &str) -> CreateSecurityGroupRequest {
    CreateSecurityGroupRequest {
        group_name: name.to_owned(),
        description: "of an oracle".to_owned(),
        tag_specifications: Some(vec![tags("security-group", &[("managed-by", "oracle")])]),
        ..Default::default()
    }
}

async fn make_group(client: &Ec2Client) -> Result<String, String> {
    let made = client
        .create_security_group(group("web"))
        .await
        .map_err(|error| error.to_string())?;
    made.group_id.ok_or_else(|| "no group".to_owned())
}

fn within(group: &str) -> RunInstancesRequest {
    let mut request = request("web-1");
    for interface in request.network_interfaces.iter_mut().flatten() {
        interface.groups = Some(vec![group.to_owned()]);
    }
    request
}

fn delete_group(id: &str) -> DeleteSecurityGroupRequest {
    DeleteSecurityGroupRequest {
        group_id: some(id),
        ..Default::default()
    }
}
