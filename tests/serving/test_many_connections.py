"""64 clients at once, each with a connection of its own: everything acknowledged is counted, once."""

import http.client
import json
import threading

CONNECTIONS, ROUNDS = 64, 12


def test_64_connections(running):
    problems, accepted = [], []

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=60)
        try:
            for turn in range(ROUNDS):
                ranking = post(connection, "/v1/recommendations", {"user": f"u{number}", "k": 3}, 200)
                event = {
                    "type": "click",
                    "user": f"u{number}",
                    "item": ranking["items"][0]["item"],
                    "request": ranking["request_id"],
                    "event_id": f"{number}-{turn}",
                }
                accepted.append(post(connection, "/v1/events", event, 202)["accepted"])
                assert post(connection, "/v1/events", event, 202)["duplicates"] == 1
        except Exception as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sum(accepted) == CONNECTIONS * ROUNDS
    stats = running.engine.stats()
    assert stats.events == {"click": CONNECTIONS * ROUNDS}
    assert stats.successes == CONNECTIONS * ROUNDS


def post(connection, path, value, status):
    connection.request("POST", path, json.dumps(value), {"content-type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    assert response.status == status, body
    return json.loads(body)
