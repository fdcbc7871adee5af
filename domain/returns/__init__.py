"""Returns. USE_CASES, FORMS and FACTS name what runs for each command and fact."""

from typing import Final

from domain.messages import Command, Fact, NoteFact, UseCase
from domain.returns.arrivals import (
    ReceivedLine,
    ReturnReceived,
    cancel_return,
    note_return_received,
    photo_for_return,
    sweep_overdue_returns,
)
from domain.returns.commands import (
    ApproveInPart,
    ApproveReturn,
    AskForPhoto,
    CancelReturn,
    DeclineReturn,
    ListReturns,
    ReturnHistory,
    ShowReturn,
)
from domain.returns.decisions import approve_in_part, approve_return, ask_for_photo, decline_return, intend_refund
from domain.returns.forms import FORMS
from domain.returns.messages import ReturnCard, ReturnList, ReturnNews
from domain.returns.model import Approval, Goods, NewReturn, Reason, Return, ReturnLine, Returns, ReturnState
from domain.returns.overview import list_returns, return_history, show_return
from domain.returns.requests import request_return

USE_CASES: Final[dict[type[Command], UseCase]] = {
    ApproveReturn: approve_return,
    ApproveInPart: approve_in_part,
    DeclineReturn: decline_return,
    AskForPhoto: ask_for_photo,
    CancelReturn: cancel_return,
    ShowReturn: show_return,
    ListReturns: list_returns,
    ReturnHistory: return_history,
}
FACTS: Final[dict[type[Fact], NoteFact]] = {ReturnReceived: note_return_received}

__all__ = [
    "FACTS", "FORMS", "USE_CASES", "Approval", "ApproveInPart", "ApproveReturn", "AskForPhoto", "CancelReturn",
    "DeclineReturn", "Goods", "ListReturns", "NewReturn", "Reason", "ReceivedLine", "Return", "ReturnCard",
    "ReturnHistory", "ReturnLine", "ReturnList", "ReturnNews", "ReturnReceived", "ReturnState", "Returns",
    "ShowReturn", "approve_in_part", "approve_return", "ask_for_photo", "cancel_return", "decline_return",
    "intend_refund", "list_returns", "note_return_received", "photo_for_return",
    "request_return", "return_history", "show_return", "sweep_overdue_returns",
]
