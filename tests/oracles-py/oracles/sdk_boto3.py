"""AWS EC2: `boto3`. It encodes the user data and adds a client token by itself."""

import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived

REGION = "us-east-1"
CANONICAL = "099720109477"


class Sdk(Oracle):
    name = "boto3"
    cloud = "ec2"

    def client(self, service="ec2", key=None, secret=None, region=REGION, attempts=1):
        settings = self.sim.settings
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.sim.url,
            aws_access_key_id=key or settings["access-key-id"],
            aws_secret_access_key=secret or settings["secret-access-key"],
            config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
        )

    def image(self):
        parameter = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
        return self.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]

    def make(self, name="web-1", client=None, tags=None, **more):
        tags = [{"Key": key, "Value": value} for key, value in ({"Name": name} | (tags or {})).items()]
        order = {
            "ImageId": more.pop("ImageId", None) or self.image(),
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
            "UserData": USER_DATA,
            "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        }
        return (client or self.client()).run_instances(**(order | more))["Instances"][0]

    def catalog(self):
        client = self.client()
        types = client.describe_instance_types(InstanceTypes=["t3.micro"])["InstanceTypes"][0]
        equal((types["VCpuInfo"]["DefaultVCpus"], types["MemoryInfo"]["SizeInMiB"]), (2, 1024))
        equal(types["ProcessorInfo"]["SupportedArchitectures"], ["x86_64"])
        images = client.describe_images(Owners=[CANONICAL], Filters=[{"Name": "name", "Values": ["ubuntu/images/*noble*amd64*"]}])
        holds(self.image() in [image["ImageId"] for image in images["Images"]], "SSM and DescribeImages disagree")
        holds(all(image["State"] == "available" and image["OwnerId"] == CANONICAL for image in images["Images"]), "images")
        regions = {region["RegionName"]: region["OptInStatus"] for region in client.describe_regions(AllRegions=True)["Regions"]}
        equal((regions[REGION], regions["af-south-1"]), ("opt-in-not-required", "not-opted-in"))
        vpc = client.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]
        holds(client.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"], "no subnets")

    def create(self):
        made = self.make()
        held = self.sim.host(id=made["InstanceId"])
        equal((made["State"]["Name"], made["InstanceType"]), ("pending", "t3.micro"))
        equal(made["Placement"]["AvailabilityZone"][:-1], held["region"])
        equal(made["Tags"], [{"Key": "Name", "Value": "web-1"}])
        equal(held["name"], "web-1")
        uuid.UUID(made["ClientToken"])
        user_data_arrived(held)

    def get(self):
        client = self.client()
        id = self.make(client=client)["InstanceId"]
        self.sim.boot()
        found = client.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
        held = self.sim.host(id=id)
        equal((found["State"]["Name"], found["State"]["Code"]), ("running", 16))
        equal((found["PublicIpAddress"], found["ImageId"]), (held["ip"], self.image()))
        holds(found["LaunchTime"].year >= 2026, f"launched {found['LaunchTime']}")
        volume = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        holds(volume in [item["id"] for item in self.sim.inventory("volume")], f"no volume {volume}")
        # As the SDK's own waiter sees it.
        client.get_waiter("instance_running").wait(InstanceIds=[id], WaiterConfig={"Delay": 1, "MaxAttempts": 1})

    def list_pages(self):
        client, image = self.client(), self.image()
        for name in names(12):
            self.make(name, client=client, ImageId=image)
        pages = list(client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
        found = [instance["InstanceId"] for page in pages for r in page["Reservations"] for instance in r["Instances"]]
        equal((len(pages), sorted(found)), (3, sorted(host["id"] for host in self.sim.hosts())))

    def filter(self):
        client = self.client()
        self.make("a", client=client, tags={"team": "a"})
        self.make("b", client=client, tags={"team": "b"})
        by = lambda name, value: [
            tag["Value"]
            for r in client.describe_instances(Filters=[{"Name": name, "Values": [value]}])["Reservations"]
            for tag in r["Instances"][0]["Tags"]
            if tag["Key"] == "Name"
        ]
        equal((by("tag:team", "b"), by("tag:Name", "a"), by("instance-state-name", "running")), (["b"], ["a"], []))

    def firewall(self):
        client = self.client()
        vpc = client.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        group = client.create_security_group(GroupName="oracle", Description="made by an oracle", VpcId=vpc)["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        rules = client.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
        equal((rules[0]["FromPort"], rules[0]["CidrIpv4"]), (443, "0.0.0.0/0"))
        held = self.sim.inventory("security-group")[0]
        equal((group, "oracle"), (held["id"], held["name"]))
        self.refused("InvalidPermission.Duplicate", 400, client.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission])
        found = client.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["oracle"]}])["SecurityGroups"][0]
        equal((found["IpPermissions"][0]["IpRanges"], found["VpcId"]), ([{"CidrIp": "0.0.0.0/0"}], vpc))
        made = self.make(client=client, SecurityGroupIds=[group])
        equal([known["GroupId"] for known in made["SecurityGroups"]], [group])
        self.sim.boot()
        self.refused("DependencyViolation", 400, client.delete_security_group, GroupId=group)
        client.terminate_instances(InstanceIds=[made["InstanceId"]])
        self.sim.gone()
        client.delete_security_group(GroupId=group)
        equal(self.sim.inventory("security-group"), [])

    def delete(self):
        client = self.client()
        id = self.make(client=client)["InstanceId"]
        self.sim.boot()
        change = client.terminate_instances(InstanceIds=[id])["TerminatingInstances"][0]
        equal((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("running", "shutting-down"))
        self.sim.gone()
        client.get_waiter("instance_terminated").wait(InstanceIds=[id], WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        self.sim.nothing_bills()

    def refused(self, code, status, call, *arguments, **named):
        problem = raises(ClientError, call, *arguments, **named)
        found = problem.response
        equal((found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]), (code, status))
        holds(found["Error"]["Message"] and found["ResponseMetadata"]["RequestId"], f"incomplete: {found}")

    def unauthorized(self):
        self.refused("AuthFailure", 401, self.client(secret="wrong").describe_instances)
        self.refused("AuthFailure", 401, self.client(key="AKIAUNKNOWN").describe_instances)
        name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
        self.refused("UnrecognizedClientException", 400, self.client("ssm", secret="wrong").get_parameter, Name=name)

    def read_only(self):
        client = self.client(key="AKIASIMPROVISION0002", secret="sim-secret-ec2-readonly")
        equal(client.describe_instances()["Reservations"], [])
        self.refused("UnauthorizedOperation", 403, self.make, client=client)

    def not_found(self):
        client = self.client()
        self.refused("InvalidInstanceID.NotFound", 400, client.describe_instances, InstanceIds=["i-0123456789abcdef0"])
        self.refused("InvalidInstanceID.NotFound", 400, client.terminate_instances, InstanceIds=["i-0123456789abcdef0"])
        # SSM says no more than the code.
        problem = raises(ClientError, self.client("ssm").get_parameter, Name="/aws/service/none")
        equal(problem.response["Error"]["Code"], "ParameterNotFound")

    def invalid(self):
        client = self.client()
        self.refused("InvalidInstanceID.Malformed", 400, client.describe_instances, InstanceIds=["web-1"])
        self.refused("InvalidParameterValue", 400, self.make, InstanceType="t0.none")
        self.refused("InvalidAMIID.NotFound", 400, self.make, ImageId="ami-0123456789abcdef0")

    def conflict(self):
        token, image = str(uuid.uuid4()), self.image()
        first = self.make(ClientToken=token, ImageId=image)["InstanceId"]
        equal(self.make(ClientToken=token, ImageId=image)["InstanceId"], first)
        self.refused("IdempotentParameterMismatch", 400, self.make, ClientToken=token, ImageId=image, InstanceType="t3.nano")
        equal(len(self.sim.hosts()), 1)

    def sold_out(self):
        image = self.image()
        self.sim.fault("sold_out")
        self.refused("InsufficientInstanceCapacity", 500, self.make, ImageId=image)

    def quota(self):
        image = self.image()
        self.sim.fault("quota")
        self.refused("VcpuLimitExceeded", 400, self.make, ImageId=image)

    def rate_limited(self):
        self.sim.fault("rate_limited", times=2)
        self.refused("RequestLimitExceeded", 503, self.client().describe_instances)
        # The SDK knows the code, and tries again.
        equal(self.client(attempts=2).describe_instances()["Reservations"], [])

    def server_error(self):
        self.sim.fault("server_error", status=500, times=1)
        self.refused("InternalError", 500, self.client().describe_instances)
        self.sim.fault("server_error", status=503)
        self.refused("Unavailable", 503, self.client().describe_instances)

    def lost_answer(self):
        image = self.image()
        self.sim.fault("reset_after", times=1)
        raises(ConnectionClosedError, self.make, ImageId=image)
        equal(len(self.sim.hosts()), 1)
        # With its retries on, the SDK sends the create again: the client token makes that harmless.
        self.sim.reset()
        self.sim.fault("reset_after", times=1)
        made = self.make("web-2", client=self.client(attempts=3), ImageId=image)
        equal([host["id"] for host in self.sim.hosts()], [made["InstanceId"]])
