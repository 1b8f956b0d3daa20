import base64
import hashlib
import hmac
import json
import time

import httpx
import pytest
from receiver_servers import Endpoint
from sample_alerts import alert

from tapewatch.alerts.alert import encode
from tapewatch.notify.message import Message
from tapewatch.notify.webhook import Webhook, sign, signing_key

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


async def test_the_body_goes_out_as_it_is_and_the_signature_verifies(
    endpoint: Endpoint, url: str, http: httpx.AsyncClient
) -> None:
    body = b" " + encode(alert())  # any bytes of the stream, not an encoding of ours
    link = "https://tape.example.org/alerts/9f0c"
    await Webhook(url, SECRET, http).send(Message((alert(),), (body,), picture=b"a chart", link=link))
    (request,) = endpoint.received
    assert request.body == body
    assert json.loads(request.body)["id"] == request.headers["webhook-id"] == alert().id
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    stamp = request.headers["webhook-timestamp"]
    assert abs(time.time() - int(stamp)) < 60
    expected = hmac.digest(KEY, b".".join((alert().id.encode(), stamp.encode(), body)), hashlib.sha256)
    version, _, signature = request.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == expected


def test_the_signature_is_the_one_of_the_specifications_libraries() -> None:
    # The test vector of the reference libraries of Standard Webhooks.
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_without_prefix_is_its_own_bytes() -> None:
    assert signing_key("a long pass phrase") == b"a long pass phrase"


def test_a_secret_that_is_no_base64_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="base64") as caught:
        signing_key("whsec_sesame!")
    assert "sesame" not in str(caught.value)
