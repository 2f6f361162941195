"""Deploys what `sam build` made on an emulated AWS that enforces IAM, and lets a day of orders flow through it.

    emulator.py MINISTACK BUILT ORDERS OUTSIDE

MINISTACK is the program of the emulator, BUILT the build folder of `sam build`, OUTSIDE the program with the simulated WDT and BIP (tests/src/bin/outside.rs).
The template is deployed by `sam deploy`; its own schedule starts `pull`, its own mapping starts `deliver`, each with the
role of the template. The test ends well when BIP holds every order once, to the cent, and the queues are empty.

What the emulator cannot do is worked around in `adapted`, and listed in docs/deploy.md.
"""

import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile

import boto3
from botocore.config import Config
from samcli.yamlhelper import yaml_dump, yaml_parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
STACK = "dougong-emulated"
REGION = "us-east-1"
ACCOUNT = "000000000000"
MERGING = "merged-sales"  # a scheme that merges
LIMIT = 420  # seconds until every order has to be booked
BATCHES = {"sqs:SendMessage": "sqs:SendMessageBatch", "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch"}
LARGEST_ZIP = 4_000_000  # bytes
LARGEST_PROGRAM = 8_000_000  # bytes
UNKNOWN_TYPES = ("AWS::CloudWatch::CompositeAlarm", "AWS::Logs::QueryDefinition")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def adapted(built, work):
    """Returns the built template as the emulator can take it: what it does not know left out, the layer by its folder."""
    template = yaml_parse((built / "template.yaml").read_text(encoding="utf-8"))
    resources = template["Resources"]
    unknown = [
        name
        for name, resource in resources.items()
        # Alarms over a formula, too.
        if resource["Type"] in UNKNOWN_TYPES or "Metrics" in resource.get("Properties", {})
    ]
    for name in unknown:
        del resources[name]
    layer = work / "layer"
    shutil.copytree(built / resources["ConfigLayer"]["Properties"]["ContentUri"], layer)
    assert (layer / "config" / "dougong.toml").is_file(), f"the layer {layer} lacks its configuration"
    # Layers are not mounted at /opt for compiled functions.
    template["Globals"]["Function"]["Environment"]["Variables"]["DOUGONG_CONFIG"] = str(layer / "config")
    add_merging_scheme(layer / "config" / "dougong.toml")
    # The emulator asks for actions that AWS does not know: on AWS a batch is granted with its single call.
    for resource in resources.values():
        for policy in resource.get("Properties", {}).get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                statement["Action"] = [*statement["Action"], *(BATCHES[one] for one in statement["Action"] if one in BATCHES)]
    # Numbers from parameters stay text.
    orders = resources["Deliver"]["Properties"]["Events"]["Orders"]["Properties"]
    orders["ScalingConfig"]["MaximumConcurrency"] = template["Parameters"]["DeliverConcurrency"]["Default"]
    for resource in resources.values():
        for key in ("CodeUri", "ContentUri"):
            uri = resource.get("Properties", {}).get(key)
            if uri:
                resource["Properties"][key] = str((built / uri).resolve())
    return template


def add_merging_scheme(file):
    """Adds to a configuration a scheme that books like the shipped one, merged."""
    text = file.read_text(encoding="utf-8")
    _, shipped = text.split("[schemes.online-sales]", 1)
    scheme = ("[schemes.online-sales]" + shipped).split("[schemes.declared.", 1)[0]
    scheme = scheme.replace("schemes.online-sales", f"schemes.{MERGING}")
    merge = f'[schemes.{MERGING}.mapping.merge]\nby = ["shop", "warehouse", "day"]\n'
    file.write_text(f"{text}\n{scheme}\n{merge}", encoding="utf-8")


def zip_sizes(built):
    """Packs each function as `sam deploy` does, and returns the sizes in bytes; weighs the programs, too."""
    sizes = {}
    programs = sorted(built.glob("*/bootstrap"))
    for program in programs:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(program, "bootstrap")
        sizes[program.parent.name.lower()] = packed.tell()
    assert len(sizes) >= 4, f"functions are missing: {sizes}"
    large = {name: size for name, size in sizes.items() if size >= LARGEST_ZIP}
    assert not large, f"zips of {LARGEST_ZIP} bytes or more: {large}"
    weights = {program.parent.name.lower(): program.stat().st_size for program in programs}
    heavy = {name: size for name, size in weights.items() if size >= LARGEST_PROGRAM}
    assert not heavy, f"programs of {LARGEST_PROGRAM} bytes or more: {heavy}"
    return sizes


class Outside:
    """The simulated WDT and BIP."""

    def __init__(self, program, orders):
        self.process = subprocess.Popen(
            [program, str(orders)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.told = json.loads(self.process.stdout.readline())

    def books(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def wait_for(endpoint, process):
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
                return
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the emulator does not start: {error}") from error
            time.sleep(0.2)


def run(ministack, built, orders, outside, work):
    tools = pathlib.Path(sys.executable).parent
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DOUGONG_"))}
    env |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "TMPDIR": str(work),
    }
    emulator = env | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    log = open(work / "emulator.log", "w", encoding="utf-8")
    process = subprocess.Popen(
        [ministack], env=emulator, cwd=work, stdout=log, stderr=subprocess.STDOUT
    )
    told = {}
    try:
        wait_for(endpoint, process)
        world = Outside(outside, orders)
        told = drive(built, world, endpoint, env, tools, work)
        return told
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def drive(built, world, endpoint, env, tools, work):
    client = lambda service: boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 2}),
    )
    client("s3").create_bucket(Bucket="artifacts")
    template = work / "template.yaml"
    template.write_text(yaml_dump(adapted(built, work)), encoding="utf-8")
    parameters = world.told["parameters"] | {
        "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
        "PullOnlineSalesSchedule": "rate(1 minute)",
    }
    started = time.monotonic()
    deploy = [tools / "sam", "deploy", "--template-file", template, "--stack-name", STACK, "--s3-bucket", "artifacts"]
    deploy += ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"]
    deploy += ["--parameter-overrides", *(f'{name}="{value}"' for name, value in parameters.items())]
    subprocess.run(deploy, env=env, cwd=work, check=True, stdout=sys.stderr)
    deployed = time.monotonic()
    outputs = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    secret = world.told["secret"]
    client("secretsmanager").put_secret_value(SecretId=outputs["SecretId"], SecretString=json.dumps(secret))

    books = world.books()
    while books["wrong"]:
        if time.monotonic() - deployed > LIMIT:
            show_logs(client("logs"))
            raise SystemExit(f"not booked within {LIMIT} s: {books['wrong'][:5]}")
        time.sleep(1)
        books = world.books()
    booked = time.monotonic()

    sqs = client("sqs")
    for name in ("OrdersQueueUrl", "DeadOrdersQueueUrl"):
        empty_by = time.monotonic() + 120
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while True:
            counts = sqs.get_queue_attributes(QueueUrl=outputs[name], AttributeNames=names)["Attributes"]
            if all(count == "0" for count in counts.values()):
                break
            if time.monotonic() > empty_by:
                raise SystemExit(f"{name} still holds messages: {counts}")
            time.sleep(1)
    groups = client("logs").describe_log_groups()["logGroups"]
    logged = {group["logGroupName"]: group["storedBytes"] for group in groups if "/lambda/" in group["logGroupName"]}
    merge_one(client, outputs)
    answers = invoke_samples(tools, endpoint, env, work, secret["store"]["secrets"][0])
    return {
        "booked": books["booked"],
        "deploy_seconds": round(deployed - started, 1),
        "flow_seconds": round(booked - deployed, 1),
        "announced": books["announced"],
        "samples": answers,
        "log_bytes": logged,
    }


def merge_one(client, outputs):
    """Lets one order wait, be put together and be booked, under the roles of the functions."""
    order = (ROOT / "events" / "deliver-one.json").read_text(encoding="utf-8")
    order = order.replace("2076703000038", "2076703000039").replace("online-sales", MERGING)
    invoke(client("lambda"), f"{STACK}-deliver", json.loads(order))
    closed = invoke(client("lambda"), f"{STACK}-sweep", {"job": "close", "early": True})
    key = json.loads(json.loads(order)["Records"][0]["body"])["key"]
    booked_by = time.monotonic() + 60
    while True:
        item = client("dynamodb").get_item(TableName=outputs["DocumentsTable"], Key={"pk": {"S": key}}, ConsistentRead=True)
        state = item.get("Item", {}).get("state", {}).get("S")
        if state == "posted" and "merged" in item["Item"]:
            return
        if time.monotonic() > booked_by:
            show_logs(client("logs"))
            raise SystemExit(f"{key} was not booked in a merged voucher: {item}, closed: {closed}")
        time.sleep(1)


def invoke_samples(tools, endpoint, env, work, secret):
    """Invokes a function with each sample event, by the command of events/README.md, and returns their answers."""
    answers = {}
    for sample in sorted((ROOT / "events").glob("*.json")):
        event = work / sample.name
        event.write_text(sample.read_text(encoding="utf-8").replace("replace-with-your-store-secret", secret), encoding="utf-8")
        function = f"{STACK}-{sample.name.partition('-')[0]}"
        command = [tools / "cargo-lambda", "lambda", "invoke", "--remote", function, "--data-file", event, "--endpoint-url", endpoint]
        told = subprocess.run(command, env=env, cwd=work, capture_output=True, text=True)
        if told.returncode != 0:
            raise SystemExit(f"{function} failed on {sample.name}: {told.stdout}{told.stderr}")
        answers[sample.name] = (told.stdout or told.stderr).strip()
    pushed = json.loads(answers["accept-declare.json"])
    if pushed["statusCode"] != 200 or json.loads(pushed["body"])["code"] != 0:
        raise SystemExit(f"the push was refused: {pushed}")
    page = json.loads(answers["console-page.json"])
    if page["statusCode"] != 200 or "sign-in" not in page["body"]:
        raise SystemExit(f"the page does not ask who is there: {page}")
    compared = json.loads(answers["reconcile-schedule.json"])
    if not compared["compared"]:
        raise SystemExit(f"nothing was reconciled: {compared}")
    return answers


def invoke(functions, name, event):
    """Calls a function and returns its answer."""
    called = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    answer = called["Payload"].read().decode()
    if called.get("FunctionError"):
        raise SystemExit(f"{name} failed on {event}: {answer}")
    return json.loads(answer)


def show_logs(logs):
    """Writes what the functions said last."""
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for event in logs.filter_log_events(logGroupName=name)["events"][-30:]:
            print(f"{name}: {event['message'].rstrip()}", file=sys.stderr)


def main(ministack, built, orders, outside):
    work = pathlib.Path(tempfile.mkdtemp(prefix="dougong-emulator-"))
    try:
        sizes = zip_sizes(pathlib.Path(built))
        told = {"zips": sizes} | run(
            os.path.abspath(ministack), pathlib.Path(built), int(orders), os.path.abspath(outside), work
        )
    except BaseException:
        log = work / "emulator.log"
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        print("\n".join(tail[-60:]), file=sys.stderr)
        raise
    else:
        print(json.dumps(told))
    finally:
        if os.environ.get("DOUGONG_KEEP"):
            print(f"kept: {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)


main(*sys.argv[1:])
