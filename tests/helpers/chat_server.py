"""A server of chat completions on this machine, which answers as a test says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stub:
    """A server that answers by a function of the request, and keeps what it was sent."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.headers: list[dict] = []
        self.reply = lambda body, count: completion(f"other {body['messages'][0]['content'][-6:]}")
        stub, counting = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with counting:
                    stub.requests.append(body)
                    stub.headers.append(dict(self.headers) | {"path": self.path})
                    count = len(stub.requests)
                code, content, *rest = stub.reply(body, count)
                reason = next((value for name, value in rest if name == "reason"), None)
                self.send_response(code, reason)
                for name, value in rest:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content if isinstance(content, bytes) else content.encode())

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def completion(content: object, finish: str = "stop", **message: object) -> tuple[int, str]:
    choice = {"message": {"content": content} | message, "finish_reason": finish}
    return 200, json.dumps({"model": "stub-1", "choices": [choice], "usage": {"total_tokens": 3}})
