"""How a Bot API request is read and how an answer is written: bodies, parameters, errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse

Json = dict[str, Any]


class Refused(Exception):
    """The Bot API says no; PTB picks its exception by the code and the description."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        """The answer as Telegram words it, ``Retry-After`` included."""
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
            headers["Retry-After"] = str(self.retry_after)
        return JSONResponse(body, status_code=self.code, headers=headers)


def bad_request(reason: str) -> Refused:
    """A 400 in Telegram's words."""
    return Refused(400, f"Bad Request: {reason}")


def success(result: object, description: str | None = None) -> JSONResponse:
    """A good answer; a few methods add a sentence."""
    body: Json = {"ok": True, "result": result}
    if description is not None:
        body["description"] = description
    return JSONResponse(body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that came with a multipart request."""

    name: str
    mime_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of one call. As in the real server, what is unreadable counts as absent."""

    values: Mapping[str, Any]
    uploads: Mapping[str, Upload]

    def text(self, name: str) -> str:
        """A string; absent is empty. A JSON number is taken as its digits."""
        value = self.values.get(name)
        if value is None or isinstance(value, (dict, list)):
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise bad_request("strings must be encoded in UTF-8") from None
        return text

    def integer(self, name: str, default: int = 0, low: int = -(2**53), high: int = 2**53) -> int:
        """A whole number, brought into its range."""
        text = self.text(name).strip()
        digits = text.removeprefix("-")
        number = int(text) if digits.isascii() and digits.isdigit() else default
        return max(low, min(high, number))

    def flag(self, name: str) -> bool:
        """A yes or no."""
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def decoded(self, name: str, what: str) -> object:
        """A JSON-serialized object, or the object itself in a JSON body; absent is ``None``."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {what} JSON object") from None


async def read_parameters(request: Request) -> Parameters:
    """Query string and body (form, multipart or JSON) together, as the Bot API accepts them."""
    values: Json = dict(request.query_params)
    uploads: dict[str, Upload] = {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and kind == "application/json":
        values |= _json_body(await request.body())
    elif request.method == "POST" and kind in {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    }:
        async with request.form(max_part_size=16 * 1024 * 1024) as form:
            for name, part in form.multi_items():
                if isinstance(part, UploadFile):
                    uploads[name] = Upload(
                        name=part.filename or name,
                        mime_type=part.content_type or "application/octet-stream",
                        content=await part.read(),
                    )
                else:
                    values[name] = part
    else:
        await request.body()
    return Parameters(values=values, uploads=uploads)


def _json_body(body: bytes) -> Json:
    if not body.strip():
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(found, dict):
        raise bad_request("JSON object expected")
    return found
