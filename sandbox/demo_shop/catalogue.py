"""What the demo shop sells and who delivers it: a small homeware range from Leipzig."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Supplier:
    """A supplier and how long it really takes, in days."""

    key: str
    name: str
    lead_time_days: float
    lead_time_sd_days: float
    region: str


@dataclass(frozen=True, kw_only=True)
class Product:
    """An article with its prices in cents; ``weight`` is how often it is picked beside the others."""

    sku: str
    title: str
    product: str
    category: str
    price: int
    cost: int
    supplier: str
    pack_size: int
    minimum_order: int
    weight: float
    barcode: str


SUPPLIERS = (
    Supplier(key="nordkeramik", name="Nordkeramik", lead_time_days=9, lead_time_sd_days=1.2, region="DE"),
    Supplier(key="weberei-oberland", name="Weberei Oberland", lead_time_days=6, lead_time_sd_days=1.0, region="DE"),
    Supplier(key="glas-lohr", name="Glas Lohr", lead_time_days=7, lead_time_sd_days=1.5, region="DE"),
    Supplier(key="holz-und-hof", name="Holz & Hof", lead_time_days=12, lead_time_sd_days=2.5, region="AT"),
    Supplier(key="lumen-porto", name="Lumen Porto", lead_time_days=18, lead_time_sd_days=4.0, region="PT"),
    Supplier(key="duftwerk", name="Duftwerk", lead_time_days=5, lead_time_sd_days=0.8, region="DE"),
)

#: sku | title | product | category | price | cost | supplier | pack | minimum | weight
_RANGE = """
BLU-MUG-300|Blue mug 300 ml|MUG-300|Tableware|1900|720|nordkeramik|12|24|2.8
WHT-MUG-300|White mug 300 ml|MUG-300|Tableware|1700|640|nordkeramik|12|24|5.4
SND-MUG-300|Sand mug 300 ml|MUG-300|Tableware|1900|720|nordkeramik|12|24|3.9
BLU-BOWL-16|Blue bowl 16 cm|BOWL-16|Tableware|1500|560|nordkeramik|6|12|3.8
WHT-BOWL-16|White bowl 16 cm|BOWL-16|Tableware|1350|500|nordkeramik|6|12|4.6
BLU-PLATE-22|Blue plate 22 cm|PLATE-22|Tableware|1850|700|nordkeramik|6|12|3.4
WHT-PLATE-22|White plate 22 cm|PLATE-22|Tableware|1650|610|nordkeramik|6|12|4.2
WHT-PLATE-27|White dinner plate 27 cm|PLATE-27|Tableware|2200|830|nordkeramik|6|12|3.6
TEAPOT-900|Teapot 900 ml|TEAPOT-900|Tableware|4900|2050|nordkeramik|4|4|1.5
PLANT-POT-14|Plant pot 14 cm|PLANT-POT-14|Living|1600|590|nordkeramik|6|12|2.9
VASE-TALL|Tall vase 28 cm|VASE-TALL|Living|3400|1300|nordkeramik|4|4|1.7
TUMBLER-SET-4|Tumblers, set of 4|TUMBLER-SET-4|Tableware|2400|940|glas-lohr|6|12|3.1
WINE-GLASS-2|Wine glasses, set of 2|WINE-GLASS-2|Tableware|2600|1040|glas-lohr|6|12|2.4
CARAFE-1L|Carafe 1 l|CARAFE-1L|Tableware|2900|1150|glas-lohr|6|6|1.8
STORAGE-JAR-700|Storage jar 700 ml|STORAGE-JAR|Kitchen|1250|460|glas-lohr|12|24|4.4
STORAGE-JAR-1500|Storage jar 1.5 l|STORAGE-JAR|Kitchen|1650|640|glas-lohr|12|12|3.3
TEA-TOWEL|Tea towel, striped|TEA-TOWEL|Textiles|950|310|weberei-oberland|10|20|6.2
TEA-TOWEL-3|Tea towels, set of 3|TEA-TOWEL|Textiles|2400|880|weberei-oberland|5|10|3.0
APRON-LINEN|Linen apron|APRON-LINEN|Textiles|3900|1600|weberei-oberland|5|10|1.6
NAPKIN-SET-4|Linen napkins, set of 4|NAPKIN-SET-4|Textiles|2800|1120|weberei-oberland|5|10|1.9
TABLECLOTH-180|Tablecloth 140 x 180 cm|TABLECLOTH-180|Textiles|6900|2900|weberei-oberland|2|4|0.9
WOOL-THROW|Wool throw 130 x 180 cm|WOOL-THROW|Living|8900|4100|weberei-oberland|2|4|1.2
CUSHION-BLUE|Cushion blue 45 cm|CUSHION-45|Living|3500|1400|weberei-oberland|4|8|1.8
CUSHION-SAND|Cushion sand 45 cm|CUSHION-45|Living|3500|1400|weberei-oberland|4|8|2.0
BATH-TOWEL-70|Bath towel 70 x 140 cm|BATH-TOWEL-70|Bath|2700|1050|weberei-oberland|6|12|2.6
HAND-TOWEL-50|Hand towel 50 x 100 cm|HAND-TOWEL-50|Bath|1400|520|weberei-oberland|6|12|3.7
CUTTING-BOARD-L|Cutting board oak, large|CUTTING-BOARD|Kitchen|4200|1850|holz-und-hof|4|8|1.7
CUTTING-BOARD-S|Cutting board oak, small|CUTTING-BOARD|Kitchen|2400|1000|holz-und-hof|4|8|2.7
SALAD-SERVERS|Salad servers, olive wood|SALAD-SERVERS|Kitchen|2200|900|holz-und-hof|6|12|2.2
SPICE-RACK|Spice rack, oak|SPICE-RACK|Kitchen|5400|2400|holz-und-hof|2|4|0.9
TRAY-OAK|Serving tray, oak|TRAY-OAK|Kitchen|4600|2000|holz-und-hof|4|4|1.3
COAT-HOOKS-5|Coat hooks, row of 5|COAT-HOOKS-5|Living|3800|1650|holz-und-hof|4|4|1.2
DESK-LAMP-BLK|Desk lamp, black|DESK-LAMP|Lighting|7900|3700|lumen-porto|2|4|0.9
PENDANT-WHT|Pendant lamp, white|PENDANT|Lighting|9900|4700|lumen-porto|2|4|0.7
CANDLE-HOLDER|Candle holder, brass|CANDLE-HOLDER|Lighting|1800|700|lumen-porto|6|12|2.5
CANDLE-FIG|Scented candle fig|CANDLE-220|Scent|2200|780|duftwerk|6|12|3.8
CANDLE-CEDAR|Scented candle cedar|CANDLE-220|Scent|2200|780|duftwerk|6|12|3.5
SOAP-LAVENDER|Soap lavender 100 g|SOAP-100|Bath|750|230|duftwerk|12|24|5.0
SOAP-DISPENSER|Soap dispenser, stoneware|SOAP-DISPENSER|Bath|2100|840|duftwerk|6|6|1.9
DIFFUSER-ROOM|Room diffuser 100 ml|DIFFUSER-ROOM|Scent|2900|1100|duftwerk|6|6|2.0
"""


def products() -> tuple[Product, ...]:
    """The whole range, in a fixed order."""
    return tuple(_product(place, line) for place, line in enumerate(_RANGE.strip().splitlines()))


def _product(place: int, line: str) -> Product:
    sku, title, product, category, price, cost, supplier, pack, minimum, weight = line.split("|")
    return Product(
        sku=sku,
        title=title,
        product=product,
        category=category,
        price=int(price),
        cost=int(cost),
        supplier=supplier,
        pack_size=int(pack),
        minimum_order=int(minimum),
        weight=float(weight),
        barcode=gtin(f"4012345{place + 101:05d}"),
    )


def gtin(digits: str) -> str:
    """Twelve digits with GTIN-13's check digit behind them (GS1 General Specifications 7.9)."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
