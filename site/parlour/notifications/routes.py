"""Turning notifications on and off, the unread feed, and what makes Parlour an app of the browser's own."""

import hashlib

import msgspec
from litestar import get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from parlour.accounts.authentication import Authentication, CountUnread, ThePosted, TheViewer, recognise
from parlour.accounts.pages import Pages
from parlour.accounts.settings.choices import SHOWS, read_choices
from parlour.assets import Assets
from parlour.db import Database
from parlour.errors import NotThere
from parlour.forms import Asked, Given
from parlour.inbox.listing import list_conversations
from parlour.notifications import feed, subscriptions
from parlour.notifications.addresses import Reachable
from parlour.notifications.feed import FeedKeys
from parlour.notifications.manifest import manifest
from parlour.templating import Templates

ASK_AGAIN = "no-cache"  # a browser may keep these, but must not go on with an old one
SETTINGS = "/settings"


class Notices(msgspec.Struct, frozen=True):
    """What the pages and addresses of this room stand on."""

    assets: Assets
    templates: Templates
    reachable: Reachable
    feeds: FeedKeys
    public_key: str  # by which browsers know who may push
    base_url: str  # of the links in a feed; that of the request where nothing is said


@get(SETTINGS)
async def settings(
    request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages], notices: Given[Notices]
) -> Response[str]:
    """What a person can decide."""
    async with database.reading() as db:
        choices = await read_choices(db, viewer.id)
        subscribed = await subscriptions.is_subscribed(db, viewer)
        number = await feed.find_number(db, viewer)
    return pages.show(
        request,
        "notifications/settings.html",
        choices=choices,
        shows=SHOWS,
        subscribed=subscribed,
        push_key=notices.public_key,
        feed_path=f"/feeds/{notices.feeds.token(viewer.id, number)}",
    )


@get("/settings/notifications")
async def whose(viewer: TheViewer) -> Response[bytes]:
    """For scripts, at the moment of it: who is signed in, and how much of a message a notification may show them."""
    said = {"user": str(viewer.id), "shows": viewer.notifications_show}
    return Response(msgspec.json.encode(said), media_type="application/json")


@post("/settings/notifications/on", opt={"page": SETTINGS})
async def turn_on(posted: ThePosted, database: Given[Database], notices: Given[Notices]) -> Redirect:
    """This browser is told of what is new, also while it is closed."""
    form = posted.form
    async with database.transaction() as db:
        await subscriptions.subscribe(
            db,
            posted.viewer,
            notices.reachable,
            endpoint=form.get("endpoint", ""),
            p256dh=form.get("p256dh", ""),
            auth=form.get("auth", ""),
        )
    return Redirect(SETTINGS, status_code=303)


@post("/settings/notifications/off", opt={"page": SETTINGS})
async def turn_off(posted: ThePosted, database: Given[Database]) -> Redirect:
    """This browser is told of nothing more."""
    async with database.transaction() as db:
        await subscriptions.unsubscribe(db, posted.viewer)
    return Redirect(SETTINGS, status_code=303)


@post("/settings/feed", opt={"page": SETTINGS})
async def new_feed_address(posted: ThePosted, database: Given[Database]) -> Redirect:
    """Whoever knows the old address learns nothing more."""
    async with database.transaction() as db:
        await feed.change_address(db, posted.viewer)
    return Redirect(SETTINGS, status_code=303)


@get("/feeds/{token:str}")
async def unread_feed(
    request: Asked,
    token: FromPath[str],
    database: Given[Database],
    notices: Given[Notices],
    authentication: Given[Authentication],
    count_unread: Given[CountUnread],
) -> Response[str]:
    """The unread conversations, for a feed reader; nothing is read by it. Raises NotThere."""
    try:
        async with database.reading() as db:
            entries = await feed.read_feed(db, notices.feeds, token)
    except NotThere:
        await recognise(request, authentication, count_unread)
        raise
    base = notices.base_url or str(request.base_url).rstrip("/")
    digest = hashlib.sha256(msgspec.json.encode([base, entries])).hexdigest()[:32]
    headers = {"etag": f'"{digest}"', "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response("", status_code=304, headers=headers)
    content = notices.templates.draw("notifications/feed.xml", base=base, path=request.url.path, entries=entries)
    return Response(content, media_type="application/atom+xml", headers=headers)


@get("/share")
async def share(request: Asked, viewer: TheViewer, database: Given[Database], pages: Given[Pages]) -> Response[str]:
    """Asks whom another app's text or sound is for; the service worker holds it, and it is not here yet."""
    async with database.reading() as db:
        entries = await list_conversations(db, viewer.id)
    return pages.show(request, "notifications/share.html", entries=entries)


@get("/service-worker.js")
async def service_worker(notices: Given[Notices]) -> Response[bytes]:
    """The script that the browser keeps for the time when no page is open."""
    content = notices.assets.content("service-worker.js")
    return Response(content, media_type="text/javascript", headers={"cache-control": ASK_AGAIN})


@get("/manifest.webmanifest")
async def web_manifest(notices: Given[Notices]) -> Response[bytes]:
    """What the app is called, and how it looks."""
    headers = {"cache-control": ASK_AGAIN}
    return Response(manifest(notices.assets), media_type="application/manifest+json", headers=headers)
