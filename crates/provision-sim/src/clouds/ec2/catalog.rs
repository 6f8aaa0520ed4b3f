//! Regions, instance types and images: a realistic handful. Among them a region that is not switched on, one without a
//! default VPC, and a type that is not offered in every zone.

use serde_json::{Value, json};

use super::{
    params::{Filter, Params},
    xml::{answer, bad, list, text, wrap},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::sha256},
};

pub(super) struct Region {
    pub(super) name: &'static str,
    /// Whether the account may use it.
    pub(super) enabled: bool,
    pub(super) default_vpc: bool,
}

const fn region(name: &'static str) -> Region {
    Region {
        name,
        enabled: true,
        default_vpc: true,
    }
}

const REGIONS: &[Region] = &[
    region("ap-southeast-1"),
    region("eu-central-1"),
    region("eu-west-1"),
    region("us-east-1"),
    region("us-east-2"),
    Region {
        default_vpc: false,
        ..region("us-west-1")
    },
    region("us-west-2"),
    Region {
        enabled: false,
        ..region("af-south-1")
    },
];

pub(super) fn find_region(name: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.name == name)
}

pub(super) struct Type {
    pub(super) name: &'static str,
    vcpus: u32,
    mib: u32,
    pub(super) architecture: &'static str,
}

const fn kind(name: &'static str, vcpus: u32, mib: u32, architecture: &'static str) -> Type {
    Type {
        name,
        vcpus,
        mib,
        architecture,
    }
}

const TYPES: &[Type] = &[
    kind("c5.large", 2, 4096, "x86_64"),
    kind("m5.large", 2, 8192, "x86_64"),
    kind("m7g.medium", 1, 4096, "arm64"),
    kind("t3.large", 2, 8192, "x86_64"),
    kind("t3.medium", 2, 4096, "x86_64"),
    kind("t3.micro", 2, 1024, "x86_64"),
    kind("t3.nano", 2, 512, "x86_64"),
    kind("t3.small", 2, 2048, "x86_64"),
    kind("t3a.micro", 2, 1024, "x86_64"),
    kind("t3a.nano", 2, 512, "x86_64"),
    kind("t4g.micro", 2, 1024, "arm64"),
    kind("t4g.nano", 2, 512, "arm64"),
    kind("t4g.small", 2, 2048, "arm64"),
];

pub(super) fn find_type(name: &str) -> Option<&'static Type> {
    TYPES.iter().find(|known| known.name == name)
}

impl Type {
    pub(super) fn is_burstable(&self) -> bool {
        ["t2.", "t3.", "t3a.", "t4g."]
            .iter()
            .any(|family| self.name.starts_with(family))
    }

    /// `t3a.nano` is not offered in the zones `c`.
    pub(super) fn is_offered(&self, zone: &str) -> bool {
        self.name != "t3a.nano" || !zone.ends_with('c')
    }
}

pub(super) struct Image {
    /// Ends the id, which differs by region.
    number: u32,
    name: &'static str,
    pub(super) architecture: &'static str,
    created: &'static str,
    owner: &'static str,
    /// The public parameter that leads to it.
    parameter: Option<&'static str>,
}

const CANONICAL: &str = "099720109477";

const IMAGES: &[Image] = &[
    Image {
        number: 1,
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260904",
        architecture: "x86_64",
        created: "2026-09-04T08:12:44.000Z",
        owner: CANONICAL,
        parameter: Some("/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"),
    },
    Image {
        number: 2,
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-20260904",
        architecture: "arm64",
        created: "2026-09-04T08:13:10.000Z",
        owner: CANONICAL,
        parameter: Some("/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id"),
    },
    Image {
        number: 3,
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20260610",
        architecture: "x86_64",
        created: "2026-06-10T07:02:00.000Z",
        owner: CANONICAL,
        parameter: None,
    },
    Image {
        number: 4,
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20260820",
        architecture: "x86_64",
        created: "2026-08-20T09:45:31.000Z",
        owner: CANONICAL,
        parameter: Some("/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id"),
    },
    // The one that inletsctl names.
    Image {
        number: 6,
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20250822",
        architecture: "x86_64",
        created: "2025-08-22T08:21:14.000Z",
        owner: CANONICAL,
        parameter: None,
    },
    // What a search by name without an owner would fall for.
    Image {
        number: 5,
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20261119",
        architecture: "x86_64",
        created: "2026-11-19T00:00:00.000Z",
        owner: "666666666666",
        parameter: None,
    },
];

impl Image {
    pub(super) fn id(&self, region: &str) -> String {
        let digest = sha256(region);
        format!("ami-{}{:05x}", digest.get(..12).unwrap_or_default(), self.number)
    }
}

pub(super) fn image_by_id(region: &str, id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.id(region) == id)
}

pub(super) fn image_by_parameter(name: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.parameter == Some(name))
}

/// The refusal of a filter that an action does not have.
pub(super) fn no_such_filter(call: &Call<'_>, filter: &Filter) -> Answer {
    bad(
        call,
        "InvalidParameterValue",
        format!("The filter '{}' is invalid", filter.name),
    )
}

pub(super) fn describe_regions(call: &Call<'_>, params: &Params) -> Handled {
    let filters = params.filters(call)?;
    let names = params.list("RegionName");
    let all = params.flag(call, "AllRegions")?.unwrap_or(false);
    params.finish(call)?;
    if let Some(unknown) = names.iter().find(|name| find_region(name).is_none()) {
        let message = format!("Invalid region name: [{unknown}]");
        return Err(bad(call, "InvalidParameterValue", message));
    }
    let mut shown = Vec::new();
    for region in REGIONS {
        let status = match (region.enabled, region.name) {
            (false, _) => "not-opted-in",
            _ => "opt-in-not-required",
        };
        let mut passes = (all || region.enabled) && (names.is_empty() || names.contains(&region.name));
        for filter in &filters {
            passes &= match filter.name.as_str() {
                "region-name" => filter.allows(region.name),
                "opt-in-status" => filter.allows(status),
                _ => return Err(no_such_filter(call, filter)),
            };
        }
        if passes {
            let endpoint = format!("ec2.{}.amazonaws.com", region.name);
            shown.push(
                text("optInStatus", status) + &text("regionName", region.name) + &text("regionEndpoint", endpoint),
            );
        }
    }
    Ok(answer(call, "DescribeRegions", &list("regionInfo", shown)))
}

pub(super) fn describe_types(call: &Call<'_>, params: &Params) -> Handled {
    let filters = params.filters(call)?;
    let names = params.list("InstanceType");
    if let Some(unknown) = names.iter().find(|name| find_type(name).is_none()) {
        let message = format!("The following supplied instance types do not exist: [{unknown}]");
        return Err(bad(call, "InvalidInstanceType", message));
    }
    let mut shown = Vec::new();
    for kind in TYPES {
        let mut passes = names.is_empty() || names.contains(&kind.name);
        for filter in &filters {
            passes &= match filter.name.as_str() {
                "instance-type" => filter.allows(kind.name),
                "processor-info.supported-architecture" => filter.allows(kind.architecture),
                _ => return Err(no_such_filter(call, filter)),
            };
        }
        if passes {
            shown.push(show_type(kind));
        }
    }
    let (page, next) = params.page(call, shown, 100)?;
    params.finish(call)?;
    Ok(answer(
        call,
        "DescribeInstanceTypes",
        &(list("instanceTypeSet", page) + &next),
    ))
}

fn show_type(kind: &Type) -> String {
    let architecture =
        list("supportedArchitectures", []).replace("><", &format!("><item>{}</item><", kind.architecture));
    text("instanceType", kind.name)
        + &text("currentGeneration", "true")
        + &text("bareMetal", "false")
        + &text("hypervisor", "nitro")
        + &wrap("processorInfo", &architecture)
        + &wrap("vCpuInfo", &text("defaultVCpus", kind.vcpus.to_string()))
        + &wrap("memoryInfo", &text("sizeInMiB", kind.mib.to_string()))
        + &text("burstablePerformanceSupported", kind.is_burstable().to_string())
}

pub(super) fn describe_images(call: &Call<'_>, params: &Params, region: &str) -> Handled {
    let filters = params.filters(call)?;
    let (ids, owners) = (params.list("ImageId"), params.list("Owner"));
    params.ignore(&["IncludeDeprecated", "IncludeDisabled", "ExecutableBy"]);
    if let Some(unknown) = ids.iter().find(|id| image_by_id(region, id).is_none()) {
        let message = format!("The image id '[{unknown}]' does not exist");
        return Err(bad(call, "InvalidAMIID.NotFound", message));
    }
    let mut shown = Vec::new();
    for image in IMAGES {
        let id = image.id(region);
        let mut passes =
            (ids.is_empty() || ids.contains(&id.as_str())) && (owners.is_empty() || owners.contains(&image.owner));
        for filter in &filters {
            passes &= match filter.name.as_str() {
                "name" => filter.allows(image.name),
                "state" => filter.allows("available"),
                "architecture" => filter.allows(image.architecture),
                "image-id" => filter.allows(&id),
                "owner-id" => filter.allows(image.owner),
                _ => return Err(no_such_filter(call, filter)),
            };
        }
        if passes {
            shown.push(show_image(image, &id));
        }
    }
    let (page, next) = params.page(call, shown, 1_000)?;
    params.finish(call)?;
    Ok(answer(call, "DescribeImages", &(list("imagesSet", page) + &next)))
}

fn show_image(image: &Image, id: &str) -> String {
    [
        ("imageId", id),
        ("imageLocation", image.name),
        ("imageState", "available"),
        ("imageOwnerId", image.owner),
        ("creationDate", image.created),
        ("isPublic", "true"),
        ("architecture", image.architecture),
        ("imageType", "machine"),
        ("name", image.name),
        ("rootDeviceType", "ebs"),
        ("rootDeviceName", "/dev/sda1"),
        ("virtualizationType", "hvm"),
        ("hypervisor", "xen"),
    ]
    .map(|(name, value)| text(name, value))
    .concat()
}

/// An answer of SSM: JSON 1.1.
pub(super) fn ssm_answer(status: u16, body: &Value) -> Answer {
    let mut answer = Answer::json(status, body);
    answer.headers = vec![("content-type", "application/x-amz-json-1.1".to_owned())];
    answer
}

/// SSM's `GetParameter`, JSON 1.1, as far as public image parameters go.
pub(super) fn get_parameter(call: &Call<'_>, region: &str) -> Handled {
    let refuse = |code: &str| {
        let body = json!({ "__type": code, "message": "" });
        Err(ssm_answer(400, &body))
    };
    if call.header("x-amz-target") != Some("AmazonSSM.GetParameter") {
        return refuse("UnknownOperationException");
    }
    let name = call
        .json()
        .ok()
        .and_then(|fields| fields.text("Name").ok().flatten().map(str::to_owned));
    let Some(name) = name else {
        return refuse("ValidationException");
    };
    match image_by_parameter(&name) {
        None => refuse("ParameterNotFound"),
        Some(image) => {
            let parameter: Value = json!({
                "ARN": format!("arn:aws:ssm:{region}::parameter{name}"), "DataType": "aws:ec2:image",
                "LastModifiedDate": 1_788_509_564.0, "Name": name, "Type": "String", "Value": image.id(region), "Version": 12,
            });
            Ok(ssm_answer(200, &json!({ "Parameter": parameter })))
        }
    }
}
