"""Whatever a customer presses, types or sends, in any order: an answer that can be said, and always a way back."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.dialogue import Back, CancelDialogue, Say, SendPhoto, ShareContact, Start
from domain.dialogue.conversation import talk_of
from domain.dialogue.messages import Greeting
from domain.errors import OpsError
from domain.messages import Command, Message
from domain.returns.model import ReturnState
from notifications.catalogue import Catalogue
from tests.returns.world import World, world_on

CATALOGUE = Catalogue()
MARIA = 1001
SENTENCES = st.sampled_from([
    "return", "where is my parcel", "1042", "#1050", "9999", "mugs", "tea", "all", "two", "3", "99", "broken", "wrong",
    "changed my mind", "yes", "send", "back", "cancel", "next", "thanks", "", "?", "<b>&", "😀" * 50, "one of the two",
])


class Walk(RuleBasedStateMachine):
    """A customer with two orders, one of them under way; every button ever shown may be pressed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world: World = self.stack.enter_context(world_on("sqlite://"))
        self.order = self.world.order()
        self.world.order("1050", delivered=None)
        self.world.link("maria", MARIA)
        self.shown: list[Command] = [one.command for one in Greeting().buttons if one.command is not None]

    def teardown(self) -> None:
        self.stack.close()

    def _do(self, command: Command) -> Message | None:
        with suppress(OpsError):
            answer = self.world.run(command, MARIA)
            self.shown += [one.command for one in answer.buttons if one.command is not None]
            with self.world.begin() as uow:
                for platform in ("telegram", "plain"):
                    assert CATALOGUE.words(answer, uow.shop, platform).plain_title
            return answer
        return None

    @rule(place=st.integers(0, 1000))
    def press_any(self, place: int) -> None:
        self._do(self.shown[place % len(self.shown)])

    @rule(place=st.integers(0, 6))
    def press_a_newest(self, place: int) -> None:
        self._do(self.shown[-1 - place % len(self.shown)])

    @rule(text=SENTENCES)
    def say(self, text: str) -> None:
        self._do(Say(text=text))

    @rule(text=st.text(max_size=40))
    def say_anything(self, text: str) -> None:
        self._do(Say(text=text.replace("\x00", "")))

    @rule()
    def photo(self) -> None:
        self._do(SendPhoto(file_id="p"))

    @rule(user=st.sampled_from([MARIA, 1666]))
    def contact(self, user: int) -> None:
        self._do(ShareContact(phone="+4915100001001", user_id=user))

    @rule()
    def start(self) -> None:
        self._do(Start(payload="o_1042_aaaaaaaaaaaaaaaa"))

    @rule()
    def back_to_the_menu(self) -> None:
        for _ in range(12):
            if isinstance(self._do(Back()), Greeting):
                return
        raise AssertionError("going back never ends")

    @rule()
    def cancel(self) -> None:
        assert isinstance(self._do(CancelDialogue()), Greeting)

    @invariant()
    def nothing_is_returned_twice(self) -> None:
        maria = self.world.actor(MARIA)
        with self.world.begin() as uow:
            left = {line.id: line.quantity for line in self.order.lines}
            for line, count in uow.returns.taken(self.order.id).items():
                assert count <= left[line]
            for found in uow.returns.of_order(self.order.id):
                assert found.state in {ReturnState.REQUESTED, ReturnState.CANCELLED}
                assert found.reason.value not in {"damaged", "wrong_item"} or found.photo
            talk_of(maria, uow)


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=8, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
