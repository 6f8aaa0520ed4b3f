//! VPCs, subnets and key pairs: a default VPC with a subnet in each zone, and a second VPC with one subnet.

use super::{
    catalog::{find_region, no_such_filter},
    params::Params,
    xml::{answer, bad, list, text},
};
use crate::{call::Call, cloud::Handled, kit::text::sha256};

/// The key pair that the account has in every region.
pub(super) const KEY_PAIR: &str = "sim-key";
/// The instance profile that the account has.
pub(super) const PROFILE: &str = "sim-profile";

pub(super) struct Vpc {
    pub(super) id: String,
    pub(super) is_default: bool,
}

pub(super) struct Subnet {
    pub(super) id: String,
    pub(super) vpc: String,
    pub(super) zone: String,
    pub(super) is_default: bool,
}

fn id(prefix: &str, of: &str) -> String {
    format!("{prefix}-0{}", sha256(of).get(..16).unwrap_or_default())
}

pub(super) fn vpcs(region: &str) -> Vec<Vpc> {
    let has_default = find_region(region).is_some_and(|region| region.default_vpc);
    let vpc = |name: &str| Vpc {
        id: id("vpc", &format!("{region} {name}")),
        is_default: name == "default",
    };
    let names = if has_default {
        &["default", "other"][..]
    } else {
        &["other"]
    };
    names.iter().map(|name| vpc(name)).collect()
}

pub(super) fn default_vpc(region: &str) -> Option<String> {
    vpcs(region).into_iter().find(|vpc| vpc.is_default).map(|vpc| vpc.id)
}

pub(super) fn subnets(region: &str) -> Vec<Subnet> {
    let subnet = |vpc: &Vpc, zone: &str| Subnet {
        id: id("subnet", &format!("{} {zone}", vpc.id)),
        vpc: vpc.id.clone(),
        zone: format!("{region}{zone}"),
        is_default: vpc.is_default,
    };
    let zones = |vpc: &Vpc| if vpc.is_default { &["a", "b", "c"][..] } else { &["a"] };
    let all = vpcs(region);
    all.iter()
        .flat_map(|vpc| zones(vpc).iter().map(|zone| subnet(vpc, zone)))
        .collect()
}

/// The group that every VPC has and nobody can delete.
pub(super) fn default_group(vpc: &str) -> String {
    id("sg", &format!("default of {vpc}"))
}

pub(super) fn describe_vpcs(call: &Call<'_>, params: &Params, region: &str) -> Handled {
    let (filters, ids) = (params.filters(call)?, params.list("VpcId"));
    let all = vpcs(region);
    if let Some(unknown) = ids.iter().find(|id| !all.iter().any(|vpc| vpc.id == **id)) {
        return Err(bad(
            call,
            "InvalidVpcID.NotFound",
            format!("The vpc ID '{unknown}' does not exist"),
        ));
    }
    let mut shown = Vec::new();
    for vpc in all {
        let mut passes = ids.is_empty() || ids.contains(&vpc.id.as_str());
        for filter in &filters {
            passes &= match filter.name.as_str() {
                "vpc-id" => filter.allows(&vpc.id),
                "is-default" | "isDefault" => filter.allows(&vpc.is_default.to_string()),
                "state" => filter.allows("available"),
                _ => match filter.allows_tags(&[]) {
                    Some(allows) => allows,
                    None => return Err(no_such_filter(call, filter)),
                },
            };
        }
        if passes {
            let block = if vpc.is_default { "172.31.0.0/16" } else { "10.0.0.0/16" };
            shown.push(
                text("vpcId", &vpc.id)
                    + &text("state", "available")
                    + &text("cidrBlock", block)
                    + &text("isDefault", vpc.is_default.to_string()),
            );
        }
    }
    let (page, next) = params.page(call, shown, 1_000)?;
    params.finish(call)?;
    Ok(answer(call, "DescribeVpcs", &(list("vpcSet", page) + &next)))
}

pub(super) fn describe_subnets(call: &Call<'_>, params: &Params, region: &str) -> Handled {
    let (filters, ids) = (params.filters(call)?, params.list("SubnetId"));
    let all = subnets(region);
    if let Some(unknown) = ids.iter().find(|id| !all.iter().any(|subnet| subnet.id == **id)) {
        let message = format!("The subnet ID '{unknown}' does not exist");
        return Err(bad(call, "InvalidSubnetID.NotFound", message));
    }
    let mut shown = Vec::new();
    for subnet in all {
        let mut passes = ids.is_empty() || ids.contains(&subnet.id.as_str());
        for filter in &filters {
            passes &= match filter.name.as_str() {
                "subnet-id" => filter.allows(&subnet.id),
                "vpc-id" => filter.allows(&subnet.vpc),
                "availability-zone" | "availabilityZone" => filter.allows(&subnet.zone),
                "default-for-az" | "defaultForAz" => filter.allows(&subnet.is_default.to_string()),
                "state" => filter.allows("available"),
                _ => match filter.allows_tags(&[]) {
                    Some(allows) => allows,
                    None => return Err(no_such_filter(call, filter)),
                },
            };
        }
        if passes {
            shown.push(
                text("subnetId", &subnet.id)
                    + &text("state", "available")
                    + &text("vpcId", &subnet.vpc)
                    + &text("availableIpAddressCount", "4091")
                    + &text("availabilityZone", &subnet.zone)
                    + &text("defaultForAz", subnet.is_default.to_string())
                    + &text("mapPublicIpOnLaunch", subnet.is_default.to_string()),
            );
        }
    }
    let (page, next) = params.page(call, shown, 1_000)?;
    params.finish(call)?;
    Ok(answer(call, "DescribeSubnets", &(list("subnetSet", page) + &next)))
}

pub(super) fn describe_key_pairs(call: &Call<'_>, params: &Params) -> Handled {
    let names = params.list("KeyName");
    params.ignore(&["IncludePublicKey"]);
    params.finish(call)?;
    if let Some(unknown) = names.iter().find(|name| **name != KEY_PAIR) {
        let message = format!("The key pair '{unknown}' does not exist");
        return Err(bad(call, "InvalidKeyPair.NotFound", message));
    }
    let key = text("keyPairId", "key-0123456789abcdef0")
        + &text("keyType", "ed25519")
        + &text("keyName", KEY_PAIR)
        + &text("keyFingerprint", "Z8tK2j1nBvYwQ0u1cJ3n8mXv0i0o0S0h0aB1cD2eF3g=");
    Ok(answer(call, "DescribeKeyPairs", &list("keySet", [key])))
}
