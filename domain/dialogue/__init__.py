"""The conversation with a customer in their private Telegram chat. USE_CASES names what runs for each command."""

from typing import Final

from domain.dialogue.commands import (
    Back,
    CancelDialogue,
    ChangeReturn,
    ChooseOrder,
    ChooseQuantity,
    ChooseReason,
    ConfirmReturn,
    LinesChosen,
    OtherOrder,
    ReturnSomething,
    Say,
    SendPhoto,
    ShareContact,
    ShowMenu,
    Start,
    TellMeWhenBack,
    ToggleLine,
    WhereIsParcel,
)
from domain.dialogue.proof import order_link_payload
from domain.dialogue.speech import say, share_contact, start
from domain.dialogue.steps import (
    back,
    cancel_dialogue,
    change_return,
    choose_order,
    choose_quantity,
    choose_reason,
    confirm_return,
    lines_chosen,
    other_order,
    return_something,
    send_photo,
    show_menu,
    tell_me_when_back,
    toggle_line,
    where_is_parcel,
)
from domain.messages import Command, UseCase

USE_CASES: Final[dict[type[Command], UseCase]] = {
    Start: start,
    Say: say,
    SendPhoto: send_photo,
    ShareContact: share_contact,
    ShowMenu: show_menu,
    ReturnSomething: return_something,
    WhereIsParcel: where_is_parcel,
    TellMeWhenBack: tell_me_when_back,
    OtherOrder: other_order,
    ChooseOrder: choose_order,
    ToggleLine: toggle_line,
    LinesChosen: lines_chosen,
    ChooseQuantity: choose_quantity,
    ChooseReason: choose_reason,
    ConfirmReturn: confirm_return,
    ChangeReturn: change_return,
    Back: back,
    CancelDialogue: cancel_dialogue,
}

__all__ = [
    "USE_CASES", "Back", "CancelDialogue", "ChangeReturn", "ChooseOrder", "ChooseQuantity", "ChooseReason",
    "ConfirmReturn", "LinesChosen", "OtherOrder", "ReturnSomething", "Say", "SendPhoto", "ShareContact", "ShowMenu",
    "Start", "TellMeWhenBack", "ToggleLine", "WhereIsParcel", "order_link_payload",
]
