"""Restocking: what there is, how long it lasts, what to order, and who waits for it.

USE_CASES, FORMS and FACTS name what runs for each command and fact.
"""

from typing import Final

from domain.inventory.actions import (
    change_reorder_point,
    list_low_stock,
    morning_after,
    order_all_low,
    order_other_quantity,
    order_stock,
    show_stock,
    snooze_low_stock,
    why_low_stock,
    why_stock,
)
from domain.inventory.cards import (
    LowStockCard,
    LowStockSummary,
    OrderedBy,
    PurchaseOrderNote,
    Snooze,
    StockOrdered,
    StockRecovered,
    StockStillLow,
    WaitersTold,
)
from domain.inventory.commands import (
    AskForStock,
    ChangeReorderPoint,
    ChooseSupplier,
    FindStock,
    ListLowStock,
    OrderAllLow,
    OrderOtherQuantity,
    OrderStock,
    ShowStock,
    SnoozeLowStock,
    WhyLowStock,
    WhyStock,
)
from domain.inventory.facts import StockMoved, note_stock_moved
from domain.inventory.forms import FORMS
from domain.inventory.levels import (
    LOOK_UP,
    Counted,
    Heard,
    ItemName,
    ItemsLookedUp,
    ItemsNamed,
    LevelChanged,
    ShopLevels,
    StockItem,
    StockLevelTold,
    ToldLevel,
    Wanted,
    end_of_second,
)
from domain.inventory.lookup import find_variant, search_variants
from domain.inventory.messages import (
    BackInStock,
    LowStockList,
    ReorderPointChanged,
    StockChoices,
    StockIsThere,
    StockMatches,
    StockOrderDone,
    StockReport,
    StockSnoozed,
    StockWhy,
    StockWishSaved,
)
from domain.inventory.model import (
    DaySales,
    Delivery,
    Inventory,
    Movement,
    MovementKind,
    OrderedLine,
    PurchaseOrder,
    Stock,
    StockAsOf,
    Supplier,
    Variant,
)
from domain.inventory.rules import Demand, StockFigures, figures
from domain.inventory.suppliers import Offer, SupplierChosen, Suppliers, choose_supplier
from domain.inventory.told import (
    look_after_stock,
    match_known_items,
    note_items_looked_up,
    note_items_named,
    note_level_changed,
    note_level_told,
)
from domain.inventory.watch import evaluate, low_stock, sweep_stock
from domain.inventory.wishes import ask_for_stock, find_stock
from domain.messages import Command, Fact, NoteFact, UseCase

USE_CASES: Final[dict[type[Command], UseCase]] = {
    ShowStock: show_stock,
    ListLowStock: list_low_stock,
    OrderStock: order_stock,
    OrderOtherQuantity: order_other_quantity,
    OrderAllLow: order_all_low,
    SnoozeLowStock: snooze_low_stock,
    WhyLowStock: why_low_stock,
    WhyStock: why_stock,
    ChangeReorderPoint: change_reorder_point,
    ChooseSupplier: choose_supplier,
    FindStock: find_stock,
    AskForStock: ask_for_stock,
}
FACTS: Final[dict[type[Fact], NoteFact]] = {
    StockMoved: note_stock_moved,
    StockLevelTold: note_level_told,
    ItemsNamed: note_items_named,
    ItemsLookedUp: note_items_looked_up,
    LevelChanged: note_level_changed,
}

__all__ = [
    "FACTS", "FORMS", "LOOK_UP", "USE_CASES", "AskForStock", "BackInStock", "ChangeReorderPoint", "ChooseSupplier",
    "Counted", "DaySales", "Delivery", "Demand", "FindStock", "Heard", "Inventory", "ItemName", "ItemsLookedUp",
    "ItemsNamed", "LevelChanged", "ListLowStock", "LowStockCard", "LowStockList", "LowStockSummary", "Movement",
    "MovementKind", "Offer", "OrderAllLow", "OrderOtherQuantity", "OrderStock", "OrderedBy", "OrderedLine",
    "PurchaseOrder", "PurchaseOrderNote", "ReorderPointChanged", "ShopLevels", "ShowStock", "Snooze", "SnoozeLowStock",
    "Stock", "StockAsOf", "StockChoices", "StockFigures", "StockIsThere", "StockItem", "StockLevelTold", "StockMatches",
    "StockMoved", "StockOrderDone", "StockOrdered", "StockRecovered", "StockReport", "StockSnoozed", "StockStillLow",
    "StockWhy", "StockWishSaved", "Supplier", "SupplierChosen", "Suppliers", "ToldLevel", "Variant", "WaitersTold",
    "Wanted", "WhyLowStock", "WhyStock", "ask_for_stock", "change_reorder_point", "choose_supplier", "end_of_second",
    "evaluate", "figures", "find_stock", "find_variant", "list_low_stock", "look_after_stock", "low_stock",
    "match_known_items", "morning_after", "note_items_looked_up", "note_items_named", "note_level_changed",
    "note_level_told", "note_stock_moved", "order_all_low", "order_other_quantity", "order_stock", "search_variants",
    "show_stock", "snooze_low_stock", "sweep_stock", "why_low_stock", "why_stock",
]
