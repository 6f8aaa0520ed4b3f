//! AWS EC2: instances and what belongs to them, over the Query API of 2016-11-15; and the one action of SSM that leads to
//! images.
//!
//! Facts from <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/> and the vendor's models for its SDKs; points marked
//! UNCONFIRMED are not proven by a source.

mod catalog;
mod groups;
mod instances;
mod network;
mod params;
mod run;
mod sigv4;
mod state;
mod xml;

use serde_json::json;

use self::{
    params::Params,
    sigv4::{Refused, Signed},
    state::State,
};
use crate::{
    call::Call,
    cloud::{Cloud, CloudInfo, Handled, Trouble},
    kit::answer::Answer,
    record::Item,
};

const ID: &str = "ec2";
/// The account's number.
const OWNER: &str = "123456789012";
/// How many digits an id has, old and new form.
const ID_DIGITS: [usize; 2] = [8, 17];
const NO_DEFAULT_VPC: &str = "No default VPC for this user";

/// The cloud.
pub(crate) struct Ec2;

impl Cloud for Ec2 {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: ID,
            hosts: &["ec2.*.amazonaws.com", "ssm.*.amazonaws.com"],
            endpoint_path: "/ec2",
            settings: &[
                ("access-key-id", "AKIASIMPROVISION0001"),
                ("secret-access-key", "sim-secret-ec2"),
                ("region", "us-east-1"),
            ],
        }
    }

    fn handle(&self, call: &mut Call<'_>, state: &mut State) -> Handled {
        let signed = sigv4::check(call).map_err(|refused| refuse(call, &refused))?;
        check_scope(call, &signed)?;
        if !call.segments.is_empty() {
            return Err(failure(call, 404, "InvalidAction", "There is nothing at this path"));
        }
        if is_ssm(call) {
            return catalog::get_parameter(call, &signed.region);
        }
        let params = Params::read(call)?;
        let action = params.require(call, "Action")?.to_owned();
        if params.get("Version") != Some("2016-11-15") {
            let message = format!("Could not find operation {action} for this version");
            return Err(xml::bad(call, "InvalidAction", message));
        }
        if signed.key.read_only && !action.starts_with("Describe") {
            let message = format!(
                "You are not authorized to perform this operation. User: arn:aws:iam::{OWNER}:user/sim is not authorized to perform: ec2:{action}"
            );
            return Err(xml::error(call, 403, "UnauthorizedOperation", &message));
        }
        act(call, state, &params, &action, &signed.region)
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        match trouble {
            // No `Retry-After` is documented, so that none is sent.
            Trouble::RateLimited(_) => failure(call, 503, "RequestLimitExceeded", "Request limit exceeded."),
            Trouble::ServerError(status @ (502..=504)) => failure(
                call,
                status,
                "Unavailable",
                "The service is unavailable. Please try again shortly.",
            ),
            Trouble::ServerError(status) => failure(call, status, "InternalError", "An internal error has occurred"),
            Trouble::Unauthorized => refuse(call, &Refused::Wrong),
        }
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        vec![("x-amzn-requestid", call.request_id.clone())]
    }

    fn tick(&self, state: &mut State, now: u64) {
        state.tick(now);
    }

    fn inventory(&self, state: &State) -> Vec<Item> {
        state.inventory()
    }
}

fn act(call: &mut Call<'_>, state: &mut State, params: &Params, action: &str, region: &str) -> Handled {
    match action {
        "RunInstances" => run::run(call, state, params, region),
        "DescribeInstances" => instances::describe(call, state, params, region),
        "DescribeInstanceStatus" => instances::describe_status(call, state, params, region),
        "TerminateInstances" => instances::terminate(call, state, params, region),
        "ModifyInstanceAttribute" => instances::modify(call, state, params, region),
        "DescribeVolumes" => instances::describe_volumes(call, state, params, region),
        "CreateTags" => instances::create_tags(call, state, params, region),
        "CreateSecurityGroup" => groups::create(call, state, params, region),
        "DescribeSecurityGroups" => groups::describe(call, state, params, region),
        "AuthorizeSecurityGroupIngress" => groups::authorize(call, state, params, region),
        "DeleteSecurityGroup" => groups::delete(call, state, params, region),
        "DescribeVpcs" => network::describe_vpcs(call, params, region),
        "DescribeSubnets" => network::describe_subnets(call, params, region),
        "DescribeKeyPairs" => network::describe_key_pairs(call, params),
        "DescribeRegions" => catalog::describe_regions(call, params),
        "DescribeInstanceTypes" => catalog::describe_types(call, params),
        "DescribeImages" => catalog::describe_images(call, params, region),
        _ => {
            let message = format!("The action {action} is not valid for this web service.");
            Err(xml::bad(call, "InvalidAction", message))
        }
    }
}

fn is_ssm(call: &Call<'_>) -> bool {
    call.header("x-amz-target").is_some()
}

/// Service and region of the signature have to be those of the host, where it names them, and exist.
fn check_scope(call: &Call<'_>, signed: &Signed) -> Result<(), Answer> {
    let service = if is_ssm(call) { "ssm" } else { "ec2" };
    let host: Vec<&str> = call.request.authority.split('.').collect();
    let fits_host = match host.as_slice() {
        [service, region, "amazonaws", ..] => (*service, *region) == (&signed.service, &signed.region),
        _ => true,
    };
    let known = catalog::find_region(&signed.region);
    if signed.service != service || !fits_host || known.is_none() {
        let message = format!(
            "Credential should be scoped to a valid region and service, not '{}/{}'.",
            signed.region, signed.service
        );
        return Err(failure(call, 401, "AuthFailure", &message));
    }
    if known.is_some_and(|region| !region.enabled) {
        return Err(refuse(call, &Refused::Wrong));
    }
    Ok(())
}

fn refuse(call: &Call<'_>, refused: &Refused) -> Answer {
    match refused {
        Refused::Missing => failure(
            call,
            401,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        Refused::Incomplete(message) => failure(call, 400, "IncompleteSignature", message),
        Refused::Expired => failure(call, 400, "RequestExpired", "Request has expired."),
        Refused::Wrong => {
            let message = "AWS was not able to validate the provided access credentials";
            failure(call, 401, "AuthFailure", message)
        }
    }
}

/// A refusal in the words of the service that was called.
fn failure(call: &Call<'_>, status: u16, code: &str, message: &str) -> Answer {
    if !is_ssm(call) {
        return xml::error(call, status, code, message);
    }
    // SSM has other names for a credential that is not accepted, and answers them with 400.
    let (status, code) = match code {
        "AuthFailure" => (400, "UnrecognizedClientException"),
        "RequestLimitExceeded" => (400, "ThrottlingException"),
        "InternalError" | "Unavailable" => (status, "InternalServerError"),
        other => (status, other),
    };
    let body = json!({ "__type": code, "message": message });
    catalog::ssm_answer(status, &body)
}
