"""The assistant that front ends talk to: turns in, events out, each turn a row in the database.

It turns the workflow of CellAgent into TurnEvents and a TurnRecord, keeps the uploaded images and
reads sessions back, so that a follow-up finds its images after a restart. One event loop in the
background serves all callers; every method may be called from any thread.
"""

import asyncio
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from llama_index.core.llms import LLM, MockLLM

from agent.agent import CellAgent
from agent.feedback import keep_feedback
from agent.history import History
from agent.literature import Rewriter
from agent.machine import machine
from agent.observed import ObservedEncoder, ObservedModel, about
from agent.router import Planner, Router
from agent.running import Tell, TurnRun
from agent.settings import Settings
from agent.synthesis import Synthesis
from agent.toolbox import CANCELLED, Toolbox
from agent.tracing import NoTracer, Tracer
from agent.turn import Feedback, TurnDone, TurnEvent, TurnRecord, UserTurn
from tools.closing import Closing
from tools.describe_image import never
from tools.errors import BadInputError, Cancelled, StoreUnavailableError
from tools.evidence import DescriptionEvidence
from tools.image_features import FeatureCache
from tools.images import ImageFolder
from tools.measure_image import Measurer, unmeasured
from tools.protocols import TextEncoder, VisionModel
from tools.reranking import Reranker
from tools.store import Store
from tools.support import Support

TICK = 0.1  # seconds between two looks at `cancelled`
SECONDS_TO_END = 2.0  # that a cancelled turn is waited for
UNREAD = "Earlier turns could not be read: the database is not reachable."
UNSAVED = "This turn could not be saved yet: the database is not reachable."


def nothing() -> None:
    """Nobody waits for feedback."""


class Assistant(Closing):
    """Answers turns; `agent.build.open_assistant` makes one, `close` ends it."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        model: VisionModel,
        encoder: TextEncoder,
        *,
        llm: LLM | None = None,
        tracer: Tracer | None = None,
        rewriter: Rewriter | None = None,
        router: Callable[[TextEncoder], Planner] = Router,
        measurer: Measurer | None = None,
        library_encoder: Callable[[], TextEncoder] | None = None,
        reranker: Reranker | None = None,
        resources: ExitStack | None = None,
        on_feedback: Callable[[], None] = nothing,
    ) -> None:
        self.settings, self.store, self.model, self.encoder = settings, store, model, encoder
        self.images = ImageFolder(
            settings.data_folder() / "images",
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_upload_mb * 2**20,
        )
        self._history = History(store)
        self._machine = machine(settings.device)
        self._tracer = tracer or NoTracer()
        self._about = about(settings, model)
        self._resources = resources or ExitStack()
        self._on_feedback = on_feedback
        seeing = ObservedModel(model, self._tracer)
        features = FeatureCache(seeing, self.images)
        measure = partial(_measured, measurer, self.images) if measurer else unmeasured
        search_by = library_encoder or (lambda: encoder)
        toolbox = Toolbox(
            settings, store, seeing, lambda: ObservedEncoder(search_by(), self._tracer),
            features, self._tracer, measure, Support.shipped(store, encoder),
            getattr(model, "case_rule", None) if settings.weigh_cases else None,
            reranker,
        )  # fmt: skip
        self.agent = CellAgent(
            name="cytoscribe",
            description="Answers questions about cell images from what is seen, similar cases and"
            " PubMed.",
            llm=llm or MockLLM(),  # not asked: in a turn, the model that looks is a tool
            tools=toolbox.tools(),
            router=router(encoder),
            max_steps=settings.max_steps,
            synthesis=Synthesis(encoder, rewriter, getattr(model, "calibration", None)),
            images=self.images,
            tracer=self._tracer,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def new_turn(self, session_id: str, question: str, images: Sequence[bytes] = ()) -> UserTurn:
        """A turn with its images stored; BadImageError, BadInputError for an empty question."""
        if not question.strip() and not images:
            raise BadInputError("the question is empty; ask something, or add an image")
        return UserTurn(
            turn_id=uuid.uuid4().hex,
            session_id=session_id,
            question=question,
            images=tuple(self.images.put(data).image_id for data in images),
            asked_at=datetime.now(UTC),
            user=self.settings.user,
            tags=tuple(self.settings.tags()),
        )

    def stream(self, turn: UserTurn, cancelled: Callable[[], bool] = never) -> Iterator[TurnEvent]:
        """The turn's events as they happen; the record is saved before TurnDone.

        Raises Cancelled soon after `cancelled` says so (nothing is saved then), BadImageError for
        an image that is not stored. Closing the iterator cancels as well.
        """
        events: queue.Queue[TurnEvent | None] = queue.Queue()
        stopped = threading.Event()
        work = self._turn(turn, events.put, lambda: stopped.is_set() or cancelled())
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.add_done_callback(lambda _: events.put(None))
        try:
            yield from _drain(events, cancelled)
            future.result()
        finally:
            stopped.set()
            future.cancel()

    def ask(self, turn: UserTurn) -> TurnRecord:
        """The turn's record, when it is done."""
        *_, last = self.stream(turn)
        if not isinstance(last, TurnDone):
            raise RuntimeError(f"the turn {turn.turn_id} ended with {last.kind}")
        return last.record

    def replay(self, record: TurnRecord, history: Sequence[TurnRecord]) -> TurnRecord:
        """A turn answered again after that history; only its trace is kept, tagged "replay"."""
        turn = record.turn.model_copy(
            update={
                "turn_id": uuid.uuid4().hex,
                "session_id": f"replay-{record.trace_id[:12]}",
                "asked_at": datetime.now(UTC),
                "tags": (*record.turn.tags, "replay"),
            }
        )
        run = TurnRun(turn, lambda event: None)
        work = self._answered(run, history)
        trace_id = asyncio.run_coroutine_threadsafe(work, self._loop).result()
        return run.record(trace_id, self.settings.hash(), self._machine)

    def history(self, session_id: str) -> list[TurnRecord]:
        """A session's turns, oldest first; StoreUnavailableError."""
        return self._history.read(session_id)

    def give_feedback(self, feedback: Feedback) -> None:
        """Keep the feedback in the database; its scores are sent without waiting for them.

        StoreUnavailableError, or BadInputError for a turn that is not there: nothing was kept.
        """
        self._history.save_waiting()
        keep_feedback(self.store, feedback)
        self._on_feedback()

    def close(self) -> None:
        """End the turns under way and give back the database and the models."""
        asyncio.run_coroutine_threadsafe(_end_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._tracer.close()
        self._resources.close()

    async def _turn(self, turn: UserTurn, tell: Tell, cancelled: Callable[[], bool]) -> None:
        CANCELLED.set(cancelled)
        run, settings = TurnRun(turn, tell), self.settings.hash()
        history, complete = await asyncio.to_thread(self._history.recall, turn.session_id)
        gaps = () if complete or history else (UNREAD,)
        trace_id = await self._answered(run, history, gaps)
        record = run.record(trace_id, settings, self._machine)
        try:
            await asyncio.to_thread(self._history.save, record)
        except StoreUnavailableError:
            run.add(UNSAVED)
            record = run.record(trace_id, settings, self._machine)
            self._history.wait(record)
        tell(TurnDone(record=record))

    async def _answered(
        self, run: TurnRun, history: Sequence[TurnRecord], gaps: Sequence[str] = ()
    ) -> str:
        """Run a turn under its trace, whose id is returned; `gaps` are added to its answer."""
        with self._tracer.turn(run.turn, self._about) as traced:
            await run.follow(self.agent, history)
            for gap in gaps:
                run.add(gap)
            traced.note(run.answer)
        return traced.trace_id


async def _end_others() -> None:
    """Cancel the tasks under way and let them end, so that none is destroyed while it waits."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=SECONDS_TO_END)


def _measured(
    measurer: Measurer, images: ImageFolder, seen: DescriptionEvidence
) -> DescriptionEvidence:
    return measurer(seen, images.open(seen.image_id))


def _drain(
    events: "queue.Queue[TurnEvent | None]", cancelled: Callable[[], bool]
) -> Iterator[TurnEvent]:
    """Events up to the None that ends them; Cancelled as soon as it is asked for."""
    while not cancelled():
        try:
            event = events.get(timeout=TICK)
        except queue.Empty:
            continue
        if event is None:
            return
        yield event
    raise Cancelled("the turn was stopped before it was answered; nothing of it was saved")
