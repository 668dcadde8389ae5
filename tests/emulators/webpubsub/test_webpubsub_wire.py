"""The Web PubSub emulator driven by the real service SDK and a real WebSocket client."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
import requests
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.messaging.webpubsubservice import WebPubSubServiceClient

pytestmark = pytest.mark.processes

PROTOCOL = "json.webpubsub.azure.v1"


@pytest.fixture(scope="module")
def pubsub(emulated: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return emulated["webpubsub"]


@pytest.fixture(scope="module")
def service(pubsub) -> WebPubSubServiceClient:
    return WebPubSubServiceClient.from_connection_string(pubsub["connectionString"], hub="jobs", retry_total=0)


def user() -> str:
    return f"user {uuid.uuid4().hex}"


@asynccontextmanager
async def connected(
    service: WebPubSubServiceClient, *, protocol: str | None = PROTOCOL, **claims: Any
) -> AsyncIterator[ClientWebSocketResponse]:
    url = service.get_client_access_token(**claims)["url"]
    async with (
        ClientSession() as session,
        session.ws_connect(url, protocols=[protocol] if protocol else []) as socket,
    ):
        assert socket.protocol == protocol
        yield socket


async def receive(socket: ClientWebSocketResponse) -> Any:
    return json.loads(await socket.receive_str(timeout=5))


async def ask(socket: ClientWebSocketResponse, **frame: Any) -> Any:
    await socket.send_json(frame)
    return await receive(socket)


async def push(call: Any, *arguments: Any, **more: Any) -> Any:
    """Call the blocking SDK in a thread, so that the loop serves the sockets meanwhile."""
    return await asyncio.to_thread(call, *arguments, **more)


def test_pushes_to_a_user_on_all_of_their_connections(pubsub, service):
    async def scenario() -> None:
        name = user()
        async with connected(service, user_id=name) as one, connected(service, user_id=name) as two:
            hello = await receive(one)
            assert (hello["type"], hello["event"], hello["userId"]) == ("system", "connected", name)
            assert hello["connectionId"] != (await receive(two))["connectionId"]
            await push(service.send_to_user, name, {"v": 1, "status": "done"})
            for socket in (one, two):
                assert await receive(socket) == {
                    "type": "message",
                    "from": "server",
                    "dataType": "json",
                    "data": {"v": 1, "status": "done"},
                }
            await push(service.send_to_user, name, "plain words", content_type="text/plain")
            assert (await receive(one))["dataType"] == "text"
            await push(
                service.send_to_connection,
                hello["connectionId"],
                b"\x00\x01",
                content_type="application/octet-stream",
            )
            binary = await receive(one)
            while binary["dataType"] != "binary":
                binary = await receive(one)
            assert binary["data"] == "AAE="
        logged = requests.get(f"{pubsub['url']}/_emulator/messages", params={"user": name}, timeout=5).json()
        assert [(one["dataType"], one["delivered"]) for one in logged["messages"]] == [
            ("json", 2),
            ("text", 2),
        ]

    asyncio.run(scenario())


def test_a_plain_client_gets_the_data_alone(service):
    async def scenario() -> None:
        name = user()
        async with connected(service, user_id=name, protocol=None) as socket:
            while not await push(service.user_exists, name):
                await asyncio.sleep(0.01)
            await push(service.send_to_user, name, {"status": "done"})
            assert await receive(socket) == {"status": "done"}

    asyncio.run(scenario())


def test_groups_of_the_token_and_of_the_client(service):
    async def scenario() -> None:
        group = f"job-{uuid.uuid4().hex}"
        roles = [f"webpubsub.joinLeaveGroup.{group}", f"webpubsub.sendToGroup.{group}"]
        alice, bob = user(), user()
        async with (
            connected(service, user_id=alice, groups=[group]) as one,
            connected(service, user_id=bob, roles=roles) as two,
        ):
            await receive(one)
            await receive(two)
            assert await ask(two, type="joinGroup", group=group, ackId=1) == {
                "type": "ack",
                "ackId": 1,
                "success": True,
            }
            duplicate = await ask(two, type="joinGroup", group=group, ackId=1)
            assert duplicate["error"]["name"] == "Duplicate" and not duplicate["success"]
            assert (await ask(two, type="joinGroup", group="other", ackId=2))["error"]["name"] == "Forbidden"
            assert (await ask(one, type="sendToGroup", group=group, data="x", ackId=1))["error"]["name"] == "Forbidden"

            await push(service.send_to_group, group, {"n": 1})
            for socket in (one, two):
                assert await receive(socket) == {
                    "type": "message",
                    "from": "group",
                    "group": group,
                    "dataType": "json",
                    "data": {"n": 1},
                }

            sent = {
                "type": "sendToGroup",
                "group": group,
                "dataType": "text",
                "data": "hi",
                "noEcho": True,
                "ackId": 3,
            }
            assert (await ask(two, **sent))["success"]
            heard = await receive(one)
            assert (heard["from"], heard["fromUserId"], heard["data"]) == ("group", bob, "hi")

            await push(service.send_to_group, group, {"n": 2}, filter=f"userId ne '{bob}'")
            assert (await receive(one))["data"] == {"n": 2}
            assert (await ask(two, type="leaveGroup", group=group, ackId=4))["success"]
            await push(service.send_to_group, group, {"n": 3})
            assert (await receive(one))["data"] == {"n": 3}
            assert await ask(two, type="ping") == {"type": "pong"}

    asyncio.run(scenario())


def test_hubs_are_apart(pubsub, service):
    async def scenario() -> None:
        other = WebPubSubServiceClient(pubsub["url"], "other", AzureKeyCredential(pubsub["accessKey"]))
        name = user()
        async with connected(service, user_id=name) as here, connected(other, user_id=name) as there:
            await receive(here)
            await receive(there)
            await push(other.send_to_all, {"hub": "other"})
            await push(service.send_to_user, name, {"hub": "jobs"})
            assert (await receive(here))["data"] == {"hub": "jobs"}
            assert (await receive(there))["data"] == {"hub": "other"}

    asyncio.run(scenario())


def test_the_service_manages_connections_groups_and_permissions(service):
    async def scenario() -> None:
        name, group = user(), f"g{uuid.uuid4().hex}"
        assert not await push(service.user_exists, name)
        async with connected(service, user_id=name) as socket:
            connection = (await receive(socket))["connectionId"]
            assert await push(service.user_exists, name)
            assert await push(service.connection_exists, connection)
            assert not await push(service.group_exists, group)
            await push(service.add_user_to_group, group, name)
            assert await push(service.group_exists, group)
            await push(service.grant_permission, "sendToGroup", connection, target_name=group)
            assert await push(service.has_permission, "sendToGroup", connection, target_name=group)
            assert (await ask(socket, type="sendToGroup", group=group, data=1, noEcho=True, ackId=1))["success"]
            await push(service.revoke_permission, "sendToGroup", connection, target_name=group)
            assert not (await ask(socket, type="sendToGroup", group=group, data=1, ackId=2))["success"]
            await push(service.remove_user_from_group, group, name)
            assert not await push(service.group_exists, group)
            await push(service.close_user_connections, name, reason="enough")
            assert await receive(socket) == {"type": "system", "event": "disconnected", "message": "enough"}
            assert (await socket.receive(timeout=5)).type is WSMsgType.CLOSE
        while await push(service.connection_exists, connection):
            await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_the_connection_ends_with_its_token(pubsub, service):
    async def scenario() -> None:
        audience = f"{pubsub['url']}/client/hubs/jobs"
        token = jwt.encode({"aud": audience, "sub": "brief", "exp": time.time() + 1.2}, pubsub["accessKey"], "HS256")
        async with (
            ClientSession() as session,
            session.ws_connect(audience, params={"access_token": token}) as socket,
        ):
            ended = await socket.receive(timeout=5)
            assert (ended.type, ended.data) == (WSMsgType.CLOSE, 1008)

    asyncio.run(scenario())


@pytest.mark.parametrize("flaw", ["none", "expired", "other hub", "other key", "rest audience"])
def test_a_bad_client_token_is_refused_before_the_upgrade(pubsub, flaw):
    hub = "elsewhere" if flaw == "other hub" else "jobs"
    path = "/api/hubs/" if flaw == "rest audience" else "/client/hubs/"
    claims = {"aud": pubsub["url"] + path + hub, "exp": time.time() + (-5 if flaw == "expired" else 60)}
    key = "x" * 40 if flaw == "other key" else pubsub["accessKey"]
    query = {} if flaw == "none" else {"access_token": jwt.encode(claims, key, "HS256")}

    async def scenario() -> None:
        async with ClientSession() as session:
            with pytest.raises(WSServerHandshakeError) as caught:
                await session.ws_connect(pubsub["url"] + "/client/hubs/jobs", params=query)
            assert caught.value.status == 401

    asyncio.run(scenario())


def test_rest_wants_a_token_for_exactly_this_url(pubsub):
    wrong = WebPubSubServiceClient(pubsub["url"], "jobs", AzureKeyCredential("w" * 40), retry_total=0)
    with pytest.raises(ClientAuthenticationError):
        wrong.send_to_all({"x": 1})
    url = f"{pubsub['url']}/api/hubs/jobs/:send"
    claims = {"aud": url, "exp": time.time() + 60}
    bearer = {"Authorization": "Bearer " + jwt.encode(claims, pubsub["accessKey"], "HS256")}
    query = {"api-version": "2024-12-01"}
    assert requests.post(url, json={}, headers=bearer, params=query, timeout=5).status_code == 401
    assert requests.post(url, json={}, headers=bearer, timeout=5).status_code == 202


@pytest.mark.parametrize("mode", ["429", "503", "html"])
def test_faults_of_the_rest_side(pubsub, service, mode):
    name = user()
    body = {"mode": mode, "match": name, "on": "rest"}
    assert requests.post(f"{pubsub['url']}/_emulator/faults", json=body, timeout=5).status_code == 201
    with pytest.raises(HttpResponseError) as caught:
        service.send_to_user(name, {"x": 1})
    assert caught.value.status_code == (502 if mode == "html" else int(mode))
    service.send_to_user(name, {"x": 2})
    logged = requests.get(f"{pubsub['url']}/_emulator/messages", params={"user": name}, timeout=5).json()
    assert [one["data"] for one in logged["messages"]] == [{"x": 2}]


def test_the_log_hides_tokens(pubsub, service):
    async def scenario() -> None:
        async with connected(service, user_id=user()) as socket:
            await receive(socket)
            known = requests.get(f"{pubsub['url']}/_emulator/connections", timeout=5).json()["connections"]
            assert len(known) == 1 and known[0]["hub"] == "jobs" and known[0]["subprotocol"] == PROTOCOL

    asyncio.run(scenario())
    assert "eyJ" not in requests.get(f"{pubsub['url']}/_emulator/requests", timeout=5).text
