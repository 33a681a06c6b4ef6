"""A page as a small model: it follows what fragments say, as the browser does, and nothing else."""

import asyncio
import re
from collections.abc import Callable, Iterable

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from parlour.conversations.marks import Marks
from people import Person

PATIENCE_S = 15
PARTIAL = re.compile(r'<hx-partial hx-target="([^"]+)" hx-swap="(\w+)">(.*?)</hx-partial>', re.DOTALL)
CURSOR = re.compile(r'<input type="hidden" id="cursor" name="after" value="(\d+)"')
ARTICLE = re.compile(r'<article id="message-(\d+)".*?</article>', re.DOTALL)
LINE = re.compile(r'<li id="conversation-(\d+)"[^>]*>.*?</li>', re.DOTALL)
MARKS = re.compile(r'<span id="marks" hidden data-delivered="(\d+)" data-read="(\d+)" data-unshown="([^"]*)">')
UNREAD = re.compile(r'<span class="unread">(\d+) ')
STATE = re.compile(r'#\w+"/></svg><span class="sr">(?:Sent|Delivered|Read)</span>')
MISSING_ROW = re.compile(r"#messages:not\(:has\(#message-(\d+)\)\)")
ROW = re.compile(r"#message-(\d+)")
NOT_ON_TOP = re.compile(r"#conversation-(\d+):not\(:first-child\)")
LIST_WITHOUT_IT_ON_TOP = re.compile(r"#conversations:not\(:has\(&gt; #conversation-(\d+):first-child\)\)")
ON_TOP = re.compile(r"#conversation-(\d+):first-child")
ANYWHERE = re.compile(r"#conversation-(\d+)")

Swap = Callable[["PageModel", int, str], None]


class PageModel:
    """One open page of a conversation: its log, its list, its cursor, and what is under way to it."""

    def __init__(self, person: Person, conversation: int) -> None:
        self.person = person
        self.conversation = conversation
        self.rows: dict[int, str] = {}
        self.lines: dict[int, str] = {}
        self.cursor = 0
        self.marks = Marks()
        self.activity = ""
        self.answers: list[str] = []  # of forms, not yet swapped in
        self.frames: list[str] = []  # of the socket, not yet swapped in
        self._list_digest = ""
        self._wants_reload = False
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    async def load(self) -> None:
        """The page as a browser gets it; whatever was under way to the one before is lost."""
        await self.cut()
        self.answers.clear()
        text = (await self.person.get(f"/conversations/{self.conversation}")).text
        self.rows = {int(found[1]): found[0] for found in ARTICLE.finditer(text)}
        self.lines = {int(found[1]): only(LINE, found[0]) for found in LINE.finditer(text)}
        self.cursor = int(CURSOR.findall(text)[0])
        self.marks = marks_in(text)
        self.activity = re.findall(r'aria-label="Activity"><span>(.*?)</span>', text)[0]
        self._list_digest = re.findall(r'name="list" value="(\w+)"', text)[0]
        self._wants_reload = False

    async def connect(self) -> None:
        """Opens a line and says hello with the cursor that the page has now."""
        if self._socket:
            return
        self._socket = await self.person.listen(self.conversation)
        await self._socket.send(f'{{"after":"{self.cursor}","list":"{self._list_digest}"}}')
        self._list_digest = ""  # from the first frame on, nobody knows what the list shows
        self._reading = asyncio.create_task(self._read(self._socket))

    async def cut(self) -> None:
        """The line is lost, with all that is on its way."""
        if self._socket:
            await self._socket.close()
            self._socket = None
        if self._reading:
            await self._reading
        self.frames.clear()

    async def act(self, path: str, **fields: str) -> int | None:
        """Sends a form as the page does; the revision that it led to, or None. The answer is swapped in later."""
        answer = await self.person.post(path, {"after": str(self.cursor), **fields}, hx_request="true")
        if answer.status != 200:
            return None
        self.answers.append(answer.text)
        return newest_in(answer.text)

    async def hears(self, wanted: str) -> None:
        """Waits until a frame on its way holds that, if the page listens at all."""
        async with asyncio.timeout(PATIENCE_S):
            while self._socket and not any(wanted in frame for frame in self.frames):
                self._more.clear()
                await self._more.wait()

    async def hears_up_to(self, revision: int) -> None:
        """Waits until all up to that revision is on its way or swapped in, if the page listens at all."""
        async with asyncio.timeout(PATIENCE_S):
            while self._socket and max([self.cursor, *map(newest_in, self.frames)]) < revision:
                self._more.clear()
                await self._more.wait()

    async def swap(self, html: str) -> None:
        """Does what a frame or an answer says, in its order."""
        left = html
        for found in PARTIAL.finditer(html):
            self._follow(found[1], found[2], found[3])
            left = left.replace(found[0], "", 1)
        self.cursor = max(self.cursor, newest_in(left))  # the page's script lets no older one in
        assert "<article" not in left, "a row stands outside its partial"
        if self._wants_reload:
            await self.load()

    @property
    def unread(self) -> int:
        """How many messages the list shows as unread, in all."""
        return sum(int(count) for line in self.lines.values() for count in UNREAD.findall(line))

    async def comes_to_show(self, unread: int) -> None:
        """Swaps in what comes until the list says that so many messages are unread; it must come to that by itself."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._more.clear()
                while self.frames:
                    await self.swap(self.frames.pop(0))
                if self.unread == unread:
                    return
                await self._more.wait()

    async def comes_to_show_all_as_delivered(self) -> None:
        """Swaps in what comes until every message of one's own is known to have come to somebody."""
        newest = max([0, *(seq_of(row) for row in self.rows.values() if 'class="message mine' in row)])
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._more.clear()
                while self.frames:
                    await self.swap(self.frames.pop(0))
                if self.marks.delivered >= newest:
                    return
                await self._more.wait()

    @property
    def shown_rows(self) -> list[str]:
        """The rows as the page's script leaves them: with the states that the marks tell."""
        return [self._with_state(row) for row in self.rows.values()]

    def _with_state(self, row: str) -> str:
        state = self.marks.state_of(seq_of(row))
        return STATE.sub(f'#{state.lower()}"/></svg><span class="sr">{state}</span>', row)

    async def acknowledge(self) -> None:
        """Tells what has come, as the page's script does."""
        if self._socket and self.rows:
            await self._socket.send(f'{{"came":{{"{self.conversation}":{self.places[-1]}}}}}')

    @property
    def places(self) -> list[int]:
        """The places of the rows, from top to bottom."""
        return [seq_of(row) for row in self.rows.values()]

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                self.frames.append(str(frame))
                self._more.set()
        except ConnectionClosed:
            pass

    def _follow(self, target: str, swap: str, content: str) -> None:
        for pattern, wanted_swap, follow in RULES:
            if (found := pattern.fullmatch(target)) and swap == wanted_swap:
                follow(self, int(found[1]), content)
                return
        if (target, swap) == ("#conversations", "innerMorph"):
            self.lines = {int(found[1]): only(LINE, found[0]) for found in LINE.finditer(content)}
        elif (target, swap) == ("#marks", "outerHTML"):
            self.marks = marks_in(content)
        elif (target, swap) == ("#activity", "innerHTML"):
            self.activity = re.sub("<.*?>", "", content)
        elif (target, swap) == ("#beat", "innerHTML"):
            self._wants_reload |= "<page-reload>" in content
        else:
            raise AssertionError(f"a fragment says what no page knows: {target} {swap}")

    def add_row(self, message: int, content: str) -> None:
        if message not in self.rows:
            self.rows[message] = only(ARTICLE, content)

    def draw_row(self, message: int, content: str) -> None:
        drawn = only(ARTICLE, content)
        if message in self.rows and revision_of(drawn) >= revision_of(self.rows[message]):
            self.rows[message] = drawn

    def take_line_away(self, conversation: int, _content: str) -> None:
        if conversation in self.lines and next(iter(self.lines)) != conversation:
            del self.lines[conversation]

    def put_line_on_top(self, conversation: int, content: str) -> None:
        if next(iter(self.lines), None) != conversation:
            self.lines = {conversation: only(LINE, content)} | self.lines

    def draw_line_on_top(self, conversation: int, content: str) -> None:
        if next(iter(self.lines), None) == conversation:
            self.lines[conversation] = only(LINE, content)

    def draw_line(self, conversation: int, content: str) -> None:
        if conversation in self.lines:
            self.lines[conversation] = only(LINE, content)


RULES: list[tuple[re.Pattern[str], str, Swap]] = [
    (MISSING_ROW, "beforeend", PageModel.add_row),
    (ROW, "outerMorph", PageModel.draw_row),
    (NOT_ON_TOP, "delete", PageModel.take_line_away),
    (LIST_WITHOUT_IT_ON_TOP, "afterbegin", PageModel.put_line_on_top),
    (ON_TOP, "outerMorph", PageModel.draw_line_on_top),
    (ANYWHERE, "outerMorph", PageModel.draw_line),
]


def marks_in(html: str) -> Marks:
    [(delivered, read, unshown)] = MARKS.findall(html)
    return Marks(int(delivered), int(read), unshown)


def only(pattern: re.Pattern[str], content: str) -> str:
    [found] = pattern.finditer(content)
    # What has not been acknowledged yet is no part of what a line shows.
    return re.sub(r' data-undelivered="\d+"', "", found[0])


def newest_in(html: str) -> int:
    """The cursor that a fragment brings, or 0."""
    return max(map(int, CURSOR.findall(html)), default=0)


def seq_of(row: str) -> int:
    return int(re.findall(r'data-seq="(\d+)"', row)[0])


def revision_of(row: str) -> int:
    return int(re.findall(r'data-revision="(\d+)"', row)[0])


def as_said(rows: Iterable[str]) -> list[str]:
    """What rows show, without what hangs on where a page begins: the first row stands under its author's name."""
    plain = [row.replace(" grouped", "").replace('author sr"', 'author"') for row in rows]
    return [re.sub(r'<svg class="avatar".*?</svg>', "", row, flags=re.DOTALL) for row in plain]
