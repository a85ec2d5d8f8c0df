"""A real S3 server for the tests: moto's, which checks every request's signature.

    venv/bin/python server.py READY_FILE

Listens on a free port of loopback, makes the bucket `files` and a user of its own, and writes one line of JSON into READY_FILE:
port, access key and secret key. Answers lines of its standard input: `names` with the names of all objects as JSON, `age` with
`null` once every object was written two hours ago.
"""

import datetime
import json
import os
import sys

# Credentials of the set-up, before signatures are checked.
os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="us-east-1")

import boto3
from moto import settings
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
boto3.client("s3", endpoint_url=url).create_bucket(Bucket="files")
iam = boto3.client("iam", endpoint_url=url)
iam.create_user(UserName="palabre")
policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="palabre", PolicyName="files", PolicyDocument=json.dumps(policy))
key = iam.create_access_key(UserName="palabre")["AccessKey"]
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
with open(sys.argv[1] + ".new", "w") as file:
    json.dump({"port": port, "access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
objects = s3_backends["123456789012"]["aws"].buckets["files"].keys
# Ends with whoever started it: its standard input closes.
for line in sys.stdin:
    if line.strip() == "age":
        for name in list(objects):
            objects[name].last_modified = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=2)
        print("null", flush=True)
    else:
        print(json.dumps(sorted(objects)), flush=True)
os._exit(0)
