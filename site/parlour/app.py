"""Builds the application: the only file that knows every feature, and hands each what it needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

from litestar import Litestar, route
from litestar.di import Provide
from litestar.enums import HttpMethod
from litestar.params import FromPath
from litestar.types import ASGIApp

from parlour import db, health, resources, schema
from parlour.accounts import attempts, authentication, sessions
from parlour.accounts import routes as accounts
from parlour.accounts.authentication import Authentication, TheViewer
from parlour.accounts.lookalikes import lookalikes
from parlour.accounts.pages import Pages
from parlour.accounts.passwords import PasswordPool
from parlour.accounts.sessions import Lifetime, who_is_signed_in
from parlour.accounts.settings import routes as settings
from parlour.assets import Assets
from parlour.config import Config
from parlour.conversations import memberships
from parlour.conversations import routes as conversations
from parlour.conversations.memberships import Gate
from parlour.db import Database
from parlour.errors import NotThere, Unavailable
from parlour.handing import Handler, hand_to, holding
from parlour.hub import make_hub
from parlour.inbox import routes as inbox
from parlour.live import page_routes as live_pages_routes
from parlour.live import plain_routes as plain
from parlour.live import routes as live
from parlour.live.audience import Audience
from parlour.live.company import Company
from parlour.live.delivery import Delivery
from parlour.live.frames import Frames
from parlour.live.heard import Heard
from parlour.live.lines import Lines
from parlour.live.live_pages import LivePages
from parlour.live.telling import Limits, Telling
from parlour.messages import editing
from parlour.messages import routes as messages
from parlour.messages.answering import Answers
from parlour.messages.drawing import Drawing
from parlour.messages.feed import Feed
from parlour.messages.hearing import routes as hearing
from parlour.messages.history import Line
from parlour.messages.posting import Posting
from parlour.messages.speaking import Speaking, find_speakers
from parlour.notifications import routes as notifications
from parlour.notifications.addresses import Reachable
from parlour.notifications.feed import FeedKeys
from parlour.notifications.pushing import Pushes
from parlour.notifications.sending import PushClient
from parlour.notifications.vapid import Vapid
from parlour.pace import RightOfWay
from parlour.porter import Porter
from parlour.rates import Limiter
from parlour.security import Origins
from parlour.templating import Templates
from parlour.together import Arrivals
from parlour.voice.intake import Intake
from parlour.voice.preparing import Preparing
from parlour.voice.store import Store
from parlour.voice.sweeping import begin_store, sweep_now_and_then
from parlour.voice.workshop import Workshop

TIDY_EVERY_S = 3600
NO_CONTACT = "mailto:operator@localhost"  # of a house that only this machine reaches


@route(
    "/{rest:path}", http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]
)
async def nowhere(viewer: TheViewer, rest: FromPath[str]) -> None:  # noqa: ARG001 — only who is signed in learns of it
    """An address that leads nowhere."""
    raise NotThere


HANDLERS: list[Handler] = [
    accounts.sign_up_page,
    accounts.sign_up,
    accounts.sign_in_page,
    accounts.sign_in,
    accounts.sign_out,
    settings.save,
    accounts.list_sessions,
    accounts.end_session,
    accounts.end_every_session,
    conversations.people,
    conversations.start,
    conversations.save_settings,
    messages.composer,
    messages.post_message,
    messages.read,
    messages.unread,
    messages.permalink,
    messages.edit_page,
    messages.edit,
    messages.delete_page,
    messages.delete,
    hearing.hear,
    hearing.listened,
    inbox.inbox,
    inbox.conversation,
    live.live,
    notifications.settings,
    notifications.whose,
    notifications.turn_on,
    notifications.turn_off,
    notifications.new_feed_address,
    notifications.unread_feed,
    notifications.share,
    notifications.service_worker,
    notifications.web_manifest,
    live_pages_routes.live_messages,
    live_pages_routes.live_inbox,
    plain.without_scripts,
    plain.refreshing,
    health.healthz,
    health.readyz,
    health.asset,
    nowhere,
]


def create_app(config: Config) -> ASGIApp:
    """The application of this configuration, not started yet. Raises ValueError for an unknown kind of database."""
    origins = Origins(config.base_url, config.host, config.port)
    leaving = asyncio.Event()
    way = RightOfWay()
    return Porter(create_site(config, origins, leaving, way), origins, way, leaving.set)


def create_site(
    config: Config, origins: Origins, told: asyncio.Event | None = None, right_of_way: RightOfWay | None = None
) -> Litestar:
    """What stands behind the porter; the event is set once the server is told to stop."""
    leaving, way = told or asyncio.Event(), right_of_way or RightOfWay()
    lifetime = Lifetime(config.session_idle_s, config.session_limit_s)
    hub = make_hub(config.database)
    database = db.connect(config.database, hub.publish)
    assets = Assets(resources.folder("assets"))
    templates = Templates(resources.folder("templates"), _known(config, assets), reload=config.reload)
    assets.add_voice(templates.draw("voice/parts.html"))
    drawing = Drawing(templates)
    feed = Feed(database, drawing)
    vapid = Vapid(config.push_key, config.base_url if origins.https else NO_CONTACT)
    reachable = Reachable(config.push_hosts)
    pushes = Pushes(database, PushClient(reachable), vapid, lifetime, config.secret_keys[0], assets)

    def committed(lines: list[Line]) -> None:
        feed.take(lines)
        pushes.take(lines)

    signed_in, at_home, gate = who_is_signed_in(database), memberships.who_is_at_home(database), Gate(database)
    posting = Posting(database, config.secret_keys, committed, Arrivals([signed_in, at_home, gate.places]))
    voice = _make_voice(config, database, posting, way)
    audience = Audience(config.max_sockets_per_user, config.max_sockets_per_address)
    frames = Frames(templates, drawing)
    company = Company(database, frames, audience, hub.publish)
    delivery = Delivery(database, feed, frames, audience, company, lifetime, way)
    who = Authentication(database, signed_in, at_home, config.secret_keys, lifetime, origins)
    pages = Pages(templates, who, registration_open=config.registration_open)
    passwords = PasswordPool()
    doorway = accounts.Doorway(
        registration_open=config.registration_open,
        secret=config.secret_keys[0],
        rate_sign_ins=config.rate_sign_ins,
        rate_address=config.rate_address,
        rate_sign_ups=config.rate_sign_ups,
    )
    live_pages = LivePages(database, lifetime, company, leaving)
    hub.listen(delivery.hear, Heard(audience, frames).hear, live_pages.hear, company.hear, pushes.hear)

    @asynccontextmanager
    async def open_house(_app: Litestar) -> AsyncIterator[None]:
        _load(templates, config)
        await schema.migrate(database)
        await begin_store(database, voice.store)
        await hub.start()
        for worker in (posting, delivery, pushes, company, live_pages):
            worker.start()
        await voice.preparing.start()
        tidying = asyncio.create_task(_tidy(database, config))
        closing = asyncio.create_task(_close_upon(leaving, voice.workshop))
        sweeping = asyncio.create_task(sweep_now_and_then(database, voice.store, config.sweep_every_s, editing.redraw))
        try:
            yield
        finally:
            for task in (tidying, closing, sweeping):
                task.cancel()
            await voice.preparing.stop()
            await voice.workshop.stop()
            for stopping in (posting, pushes, company, live_pages, delivery, hub):
                await stopping.stop()
            passwords.close()
            await database.close()

    given = {
        "answers": Answers(database, feed, drawing, company.note_came),
        "assets": assets,
        "audience": audience,
        "authentication": who,
        "company": company,
        "count_unread": partial(memberships.count_unread, database),
        "database": database,
        "delivery": delivery,
        "doorway": doorway,
        "feed": feed,
        "frame_rate": config.rate_frames,
        "frames": frames,
        "gate": gate,
        "hub": hub,
        "notices": notifications.Notices(
            assets, templates, reachable, FeedKeys(config.secret_keys), vapid.public_key, config.base_url
        ),
        "origins": origins,
        "pages": pages,
        "passwords": passwords,
        "posting": posting,
        "speaking": voice.speaking,
        "store": voice.store,
        "posts": Limiter(config.rate_posts),
        "starts": Limiter(config.rate_conversations),
        "turned_away": Limiter(live.TURNED_AWAY),
        "telling": Telling(live_pages, Lines(templates), Limits(config.live_page_age_s, config.live_page_rows)),
    }
    return Litestar(
        [hand_to(handler, given) for handler in HANDLERS],
        dependencies={
            "viewer": Provide(holding(authentication.viewer, given)),
            "posted": Provide(holding(authentication.posted, given)),
            "visited": Provide(holding(authentication.visited, given)),
        },
        exception_handlers={Exception: pages.refuse},
        lifespan=[open_house],
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # each form is read within its own limit
    )


def _load(templates: Templates, config: Config) -> None:
    """Reads and compiles what would hold up whoever needed it first."""
    templates.load_all()
    if config.registration_open:
        lookalikes()


def _known(config: Config, assets: Assets) -> dict[str, object]:
    """What every template may show."""
    return {"asset": assets.url, "recording_limit_s": config.recording_limit_s}


class _Voice(NamedTuple):
    """What recordings need."""

    store: Store
    workshop: Workshop
    speaking: Speaking
    preparing: Preparing


def _make_voice(config: Config, database: Database, posting: Posting, way: RightOfWay) -> _Voice:
    store = Store(config.storage_url, config.data / "recordings", way)
    workshop = Workshop(config.recording_limit_s)
    preparing = Preparing(database, workshop, store, config.data, editing.redraw, find_speakers, way)
    intake = Intake(workshop, store, config.data)
    speaking = Speaking(posting, intake, config.rate_uploads, preparing.wake, way)
    return _Voice(store, workshop, speaking, preparing)


async def _close_upon(leaving: asyncio.Event, workshop: Workshop) -> None:
    """Whoever waits there would wait for longer than a server that stops."""
    await leaving.wait()
    workshop.close()


async def _tidy(database: Database, config: Config) -> None:
    """Removes, now and then, what is of no more use to anybody."""
    lifetime = Lifetime(config.session_idle_s, config.session_limit_s)
    longest_s = max(config.rate_sign_ins.seconds, config.rate_address.seconds, config.rate_sign_ups.seconds)
    while True:
        with contextlib.suppress(Unavailable):
            async with database.transaction() as writing:
                await sessions.forget_dead_sessions(writing, lifetime)
                await attempts.forget_attempts(writing, longest_s)
        await asyncio.sleep(TIDY_EVERY_S)
