//! `RunInstances`: what it takes, and the client token.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    NO_DEFAULT_VPC,
    catalog::{Image, Type, find_type, image_by_id, image_by_parameter},
    groups,
    instances::show_reservation,
    network::{KEY_PAIR, PROFILE, Subnet, default_group, subnets},
    params::Params,
    state::{Instance, State, Tags, Token, Volume},
    xml::{answer, bad, error},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::sha256},
};

/// Largest user data before base64, bytes.
const USER_DATA: usize = 16_384;
/// Smallest root disk, GiB: that of the images.
const DISK: u64 = 8;

/// What a call asks for, checked.
struct Order {
    count: u64,
    kind: &'static Type,
    image: String,
    subnet: Subnet,
    groups: Vec<String>,
    public: bool,
    user_data: Option<Vec<u8>>,
    disks: Vec<Disk>,
    key_name: Option<String>,
    profile: Option<String>,
    token: Option<String>,
    tags: BTreeMap<String, Tags>,
}

struct Disk {
    device: String,
    size: u64,
    kind: String,
    goes_with_instance: bool,
}

pub(super) fn run(call: &mut Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let order = read(call, state, params, region)?;
    let fingerprint = params.fingerprint();
    if let Some(known) = known_token(state, order.token.as_deref(), region) {
        let known = known.clone();
        if known.forget.is_some() {
            let message = "The client token you have provided is associated with an instance that has been terminated.";
            return Err(bad(call, "IdempotentInstanceTerminated", message));
        }
        if known.fingerprint != fingerprint {
            let message =
                "The client token you have provided is associated with another request with different parameters.";
            return Err(bad(call, "IdempotentParameterMismatch", message));
        }
        let same: Vec<&Instance> = state
            .instances
            .iter()
            .filter(|instance| known.instances.contains(&instance.id))
            .collect();
        return Ok(answer(call, "RunInstances", &show_reservation(state, &same, call.now)));
    }
    if call.sold_out() {
        let message = format!(
            "We currently do not have sufficient {} capacity in the Availability Zone you requested ({}).",
            order.kind.name, order.subnet.zone
        );
        return Err(error(call, 500, "InsufficientInstanceCapacity", &message));
    }
    if call.over_quota() {
        let message = "You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to.";
        return Err(bad(call, "VcpuLimitExceeded", message));
    }
    let reservation = format!("r-0{}", call.hex(16));
    let made: Vec<String> = (0..order.count)
        .map(|_| make(call, state, &order, region, &reservation))
        .collect();
    if let Some(token) = order.token {
        state.tokens.push(Token {
            token,
            region: region.to_owned(),
            instances: made.clone(),
            fingerprint,
            forget: None,
        });
    }
    let new: Vec<&Instance> = state
        .instances
        .iter()
        .filter(|instance| made.contains(&instance.id))
        .collect();
    Ok(answer(call, "RunInstances", &show_reservation(state, &new, call.now)))
}

fn known_token<'s>(state: &'s State, token: Option<&str>, region: &str) -> Option<&'s Token> {
    let token = token?;
    state
        .tokens
        .iter()
        .find(|known| known.token == token && known.region == region)
}

fn make(call: &mut Call<'_>, state: &mut State, order: &Order, region: &str, reservation: &str) -> String {
    let id = format!("i-0{}", call.hex(16));
    let number = call.next_number();
    for disk in &order.disks {
        state.volumes.push(Volume {
            id: format!("vol-0{}", call.hex(16)),
            region: region.to_owned(),
            zone: order.subnet.zone.clone(),
            instance: id.clone(),
            device: disk.device.clone(),
            size: disk.size,
            kind: disk.kind.clone(),
            goes_with_instance: disk.goes_with_instance,
            attached: true,
            created: call.now,
            tags: order.tags.get("volume").cloned().unwrap_or_default(),
        });
    }
    state.instances.push(Instance {
        id: id.clone(),
        reservation: reservation.to_owned(),
        region: region.to_owned(),
        zone: order.subnet.zone.clone(),
        vpc: order.subnet.vpc.clone(),
        subnet: order.subnet.id.clone(),
        kind: order.kind.name.to_owned(),
        image: order.image.clone(),
        life: call.new_life(),
        terminated: false,
        private_ip: format!("172.31.{}.{}", number / 250 % 250, number % 250 + 4),
        public_ip: order.public.then(|| call.ipv4().to_string()),
        groups: order.groups.clone(),
        tags: order.tags.get("instance").cloned().unwrap_or_default(),
        token: order.token.clone(),
        key_name: order.key_name.clone(),
        profile: order.profile.clone(),
        user_data_sha256: order.user_data.as_ref().map(sha256),
    });
    id
}

fn read(call: &Call<'_>, state: &State, params: &Params, region: &str) -> Result<Order, Answer> {
    let invalid = |message: String| bad(call, "InvalidParameterValue", message);
    let missing = |name: &str| {
        bad(
            call,
            "MissingParameter",
            format!("The request must contain the parameter {name}"),
        )
    };
    let least = params.number(call, "MinCount")?.ok_or_else(|| missing("MinCount"))?;
    let count = params.number(call, "MaxCount")?.ok_or_else(|| missing("MaxCount"))?;
    if least < 1 || least > count || count > 20 {
        return Err(invalid(
            "MinCount and MaxCount must be positive, in this order, and within the limits".to_owned(),
        ));
    }
    let token = params.get("ClientToken").map(str::to_owned);
    if token
        .as_ref()
        .is_some_and(|token| token.len() > 64 || !token.is_ascii())
    {
        return Err(invalid(
            "Client token must be ASCII of at most 64 characters".to_owned(),
        ));
    }
    let kind = params.get("InstanceType").unwrap_or("m1.small");
    let kind = find_type(kind).ok_or_else(|| invalid(format!("Invalid value '{kind}' for InstanceType.")))?;
    let (image, id) = read_image(call, params, region)?;
    if image.architecture != kind.architecture {
        let message = format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI.",
            kind.architecture, image.architecture
        );
        return Err(bad(call, "UnsupportedOperation", message));
    }
    let user_data = read_user_data(call, params)?;
    let key_name = params.get("KeyName").map(str::to_owned);
    if let Some(unknown) = key_name.as_ref().filter(|name| *name != KEY_PAIR) {
        let message = format!("The key pair '{unknown}' does not exist");
        return Err(bad(call, "InvalidKeyPair.NotFound", message));
    }
    let profile = params
        .get("IamInstanceProfile.Name")
        .or_else(|| params.get("IamInstanceProfile.Arn"));
    if let Some(unknown) = profile.filter(|profile| profile.rsplit('/').next() != Some(PROFILE)) {
        let message = format!(
            "Value ({unknown}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
        );
        return Err(invalid(message));
    }
    let (subnet, groups, public) = read_network(call, state, params, region)?;
    if !kind.is_offered(&subnet.zone) {
        let message = format!(
            "Your requested instance type ({}) is not supported in your requested Availability Zone ({}).",
            kind.name, subnet.zone
        );
        return Err(bad(call, "Unsupported", message));
    }
    if let Some(credits) = params.get("CreditSpecification.CpuCredits") {
        if !kind.is_burstable() {
            let message = format!(
                "The T2 Unlimited credit option is not supported for instance type {}.",
                kind.name
            );
            return Err(bad(call, "InvalidParameterCombination", message));
        }
        if !["standard", "unlimited"].contains(&credits) {
            return Err(invalid(format!("Invalid value '{credits}' for CpuCredits.")));
        }
    }
    if let Some(other) = params
        .get("MetadataOptions.HttpTokens")
        .filter(|tokens| !["required", "optional"].contains(tokens))
    {
        return Err(invalid(format!("Invalid value '{other}' for HttpTokens.")));
    }
    let disks = read_disks(call, params)?;
    let tags = params.tag_specifications(
        call,
        &["instance", "volume", "network-interface", "spot-instances-request"],
    )?;
    let of_no_effect = [
        "MetadataOptions.",
        "Monitoring.",
        "EbsOptimized",
        "InstanceInitiatedShutdownBehavior",
        "DisableApiTermination",
        "MaintenanceOptions.",
        "PrivateDnsNameOptions.",
    ];
    params.ignore(&of_no_effect);
    params.finish(call)?;
    Ok(Order {
        count,
        kind,
        image: id,
        subnet,
        groups,
        public,
        user_data,
        disks,
        key_name,
        profile: profile.map(str::to_owned),
        token,
        tags,
    })
}

fn read_image(call: &Call<'_>, params: &Params, region: &str) -> Result<(&'static Image, String), Answer> {
    let id = params.require(call, "ImageId")?;
    let image = match id.strip_prefix("resolve:ssm:") {
        // UNCONFIRMED: code and words of a parameter that does not exist.
        Some(name) => image_by_parameter(name).ok_or_else(|| {
            bad(
                call,
                "InvalidParameterValue",
                format!("Invalid value for ImageId: ssm parameter {name} not found"),
            )
        })?,
        None if !id.starts_with("ami-") => {
            return Err(bad(
                call,
                "InvalidAMIID.Malformed",
                format!("Invalid id: \"{id}\" (expecting \"ami-...\")"),
            ));
        }
        None => image_by_id(region, id).ok_or_else(|| {
            bad(
                call,
                "InvalidAMIID.NotFound",
                format!("The image id '[{id}]' does not exist"),
            )
        })?,
    };
    Ok((image, image.id(region)))
}

fn read_user_data(call: &Call<'_>, params: &Params) -> Result<Option<Vec<u8>>, Answer> {
    let Some(encoded) = params.get("UserData") else {
        return Ok(None);
    };
    let decoded = STANDARD.decode(encoded).map_err(|_| {
        bad(
            call,
            "InvalidUserData.Malformed",
            "Invalid BASE64 encoding of user data.",
        )
    })?;
    if decoded.len() > USER_DATA {
        return Err(bad(
            call,
            "InvalidParameterValue",
            "User data is limited to 16384 bytes",
        ));
    }
    Ok(Some(decoded))
}

/// Subnet, groups, and whether a public address is wanted.
fn read_network(
    call: &Call<'_>,
    state: &State,
    params: &Params,
    region: &str,
) -> Result<(Subnet, Vec<String>, bool), Answer> {
    let (top_subnet, top_groups) = (params.get("SubnetId"), params.list("SecurityGroupId"));
    let zone = params.get("Placement.AvailabilityZone");
    let (mut subnet_id, mut group_ids, mut public) = (top_subnet, top_groups.clone(), None);
    if params.count("NetworkInterface") > 0 {
        if top_subnet.is_some() || !top_groups.is_empty() {
            let message = "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request";
            return Err(bad(call, "InvalidParameterCombination", message));
        }
        if params.get("NetworkInterface.1.DeviceIndex") != Some("0") {
            let message = "Each network interface requires a device index; the first one's is 0.";
            return Err(bad(call, "InvalidParameterValue", message));
        }
        subnet_id = params.get("NetworkInterface.1.SubnetId");
        group_ids = params.list("NetworkInterface.1.SecurityGroupId");
        public = params.flag(call, "NetworkInterface.1.AssociatePublicIpAddress")?;
        params.flag(call, "NetworkInterface.1.DeleteOnTermination")?;
    }
    let all = subnets(region);
    let chosen = match subnet_id {
        Some(id) => all.into_iter().find(|subnet| subnet.id == id).ok_or_else(|| {
            let message = format!("The subnet ID '{id}' does not exist");
            bad(call, "InvalidSubnetID.NotFound", message)
        })?,
        None => {
            let mut default = all.into_iter().filter(|subnet| subnet.is_default).peekable();
            if default.peek().is_none() {
                return Err(bad(call, "VPCIdNotSpecified", NO_DEFAULT_VPC));
            }
            default
                .find(|subnet| zone.is_none_or(|zone| subnet.zone == zone))
                .ok_or_else(|| {
                    bad(
                        call,
                        "InvalidParameterValue",
                        format!("Invalid availability zone: [{}]", zone.unwrap_or_default()),
                    )
                })?
        }
    };
    for id in &group_ids {
        let group = groups::find(state, region, id).ok_or_else(|| groups::not_found(call, id))?;
        if group.vpc != chosen.vpc {
            let message = format!(
                "Security group {id} and subnet {} belong to different networks.",
                chosen.id
            );
            return Err(bad(call, "InvalidParameter", message));
        }
    }
    let groups = if group_ids.is_empty() {
        vec![default_group(&chosen.vpc)]
    } else {
        group_ids.into_iter().map(str::to_owned).collect()
    };
    let public = public.unwrap_or(chosen.is_default);
    Ok((chosen, groups, public))
}

/// The root disk and others that are asked for.
fn read_disks(call: &Call<'_>, params: &Params) -> Result<Vec<Disk>, Answer> {
    let mut disks = vec![Disk {
        device: "/dev/sda1".to_owned(),
        size: DISK,
        kind: "gp3".to_owned(),
        goes_with_instance: true,
    }];
    for number in 1..=params.count("BlockDeviceMapping") {
        let prefix = format!("BlockDeviceMapping.{number}.");
        let device = params.require(call, &format!("{prefix}DeviceName"))?.to_owned();
        let size = params.number(call, &format!("{prefix}Ebs.VolumeSize"))?;
        let kind = params
            .get(&format!("{prefix}Ebs.VolumeType"))
            .unwrap_or("gp3")
            .to_owned();
        let goes = params.flag(call, &format!("{prefix}Ebs.DeleteOnTermination"))?;
        params.ignore(&[
            &format!("{prefix}Ebs.Encrypted"),
            &format!("{prefix}Ebs.Iops"),
            &format!("{prefix}Ebs.Throughput"),
        ]);
        let root = device == "/dev/sda1";
        if (root && size.is_some_and(|size| size < DISK))
            || (!root && size.is_none())
            || size.is_some_and(|size| size > 65_536)
        {
            let message = "Volume size must be given, and not be smaller than the snapshot, expect size >= 8GB";
            return Err(bad(call, "InvalidBlockDeviceMapping", message));
        }
        if !["gp2", "gp3", "io1", "io2", "standard"].contains(&kind.as_str()) {
            return Err(bad(
                call,
                "InvalidParameterValue",
                format!("Invalid value '{kind}' for VolumeType."),
            ));
        }
        let disk = Disk {
            device,
            size: size.unwrap_or(DISK),
            kind,
            goes_with_instance: goes.unwrap_or(true),
        };
        if let Some(known) = disks.iter_mut().find(|known| known.device == disk.device) {
            *known = disk;
        } else {
            disks.push(disk);
        }
    }
    Ok(disks)
}
