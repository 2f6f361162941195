//! A realistic day of a retailer: five shops, three warehouses, sixty goods, and everything that makes orders hard to
//! book: gifts (some priced), suites, postage, discounts, shares of four decimals, batches, boxes, repeated goods,
//! refunds, merged platform orders.
//!
//! The same seed gives the same day, on every machine. The shops, warehouses and goods are those of the shipped
//! tables (`config/tables`). A day of its own chain of stores is a [`StorePlan`].

pub(crate) mod draw;
mod orders;
mod shares;
mod stores;

use dougong_values::BusinessDay;

use crate::wdt::WdtOrder;
pub use stores::{PAYMENTS, STORES, Store, StorePlan};

/// A shop of the retailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shop {
    /// Its number in WDT.
    pub no: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its platform in WDT.
    pub platform_id: u32,
    /// How many of a hundred orders are its own.
    pub weight: u32,
}

/// The shops.
pub const SHOPS: [Shop; 5] = [
    Shop { no: "TM001", name: "山间天猫旗舰店", platform_id: 1, weight: 42 },
    Shop { no: "JD001", name: "山间京东自营店", platform_id: 3, weight: 18 },
    Shop { no: "DY001", name: "山间抖音官方店", platform_id: 69, weight: 20 },
    Shop { no: "PDD01", name: "山间拼多多旗舰店", platform_id: 39, weight: 12 },
    Shop { no: "OFF01", name: "山间线下门店", platform_id: 0, weight: 8 },
];

/// A warehouse of the retailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warehouse {
    /// Its number in WDT.
    pub no: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// The warehouses.
pub const WAREHOUSES: [Warehouse; 3] = [
    Warehouse { no: "WH01", name: "华东仓" },
    Warehouse { no: "WH02", name: "华南仓" },
    Warehouse { no: "WH03", name: "华北仓" },
];

/// What is special about goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// Kept in batches that expire.
    Batches,
    /// Given away with other goods, and sold too.
    Gift,
    /// Sold by the box of so many.
    Box(u32),
}

/// Goods of the retailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goods {
    /// Their code.
    pub spec_no: &'static str,
    /// Their name.
    pub name: &'static str,
    /// Their stock unit.
    pub unit: &'static str,
    /// The list price of one, in cents.
    pub cents: u32,
    /// What is special about them.
    pub kind: Kind,
}

const fn goods(spec_no: &'static str, name: &'static str, unit: &'static str, cents: u32) -> Goods {
    Goods { spec_no, name, unit, cents, kind: Kind::Plain }
}

const fn special(kind: Kind, plain: Goods) -> Goods {
    Goods { kind, ..plain }
}

/// The goods: 41–50 are kept in batches, 51–55 are gifts that are sold too, 56–60 come in boxes of 6 or 12.
pub const GOODS: [Goods; 60] = [
    goods("SKU-0001", "龙井茶 明前特级 50g", "件", 10_000),
    goods("SKU-0002", "龙井茶 雨前一级 100g", "件", 12_800),
    goods("SKU-0003", "碧螺春 特级 50g", "件", 8_800),
    goods("SKU-0004", "正山小种 100g", "件", 6_990),
    goods("SKU-0005", "大红袍 礼盒 125g", "件", 19_900),
    goods("SKU-0006", "白毫银针 50g", "件", 15_800),
    goods("SKU-0007", "寿眉 茶饼 350g", "件", 23_800),
    goods("SKU-0008", "铁观音 清香型 250g", "件", 9_900),
    goods("SKU-0009", "凤凰单丛 鸭屎香 100g", "件", 13_900),
    goods("SKU-0010", "普洱熟茶 小沱 200g", "件", 5_990),
    goods("SKU-0011", "茉莉花茶 三窨 100g", "件", 4_590),
    goods("SKU-0012", "桂花乌龙 三角包 30g", "件", 3_280),
    goods("SKU-0013", "白桃乌龙 三角包 30g", "件", 3_280),
    goods("SKU-0014", "冷泡茶 组合 12包", "件", 2_990),
    goods("SKU-0015", "陈皮 十年 50g", "件", 16_800),
    goods("SKU-0016", "青瓷盖碗", "件", 7_900),
    goods("SKU-0017", "紫砂壶 西施 200ml", "件", 39_900),
    goods("SKU-0018", "玻璃公道杯", "件", 3_500),
    goods("SKU-0019", "品茗杯 六只", "件", 6_660),
    goods("SKU-0020", "竹制茶盘", "件", 12_900),
    goods("SKU-0021", "旅行茶具 一壶两杯", "件", 9_990),
    goods("SKU-0022", "焖茶杯 500ml", "件", 11_900),
    goods("SKU-0023", "保温壶 1.2L", "件", 15_900),
    goods("SKU-0024", "茶叶罐 锡 大", "件", 28_800),
    goods("SKU-0025", "茶叶罐 陶 小", "件", 4_900),
    goods("SKU-0026", "茶针 茶夹 组", "件", 1_990),
    goods("SKU-0027", "茶巾 三条", "件", 1_290),
    goods("SKU-0028", "滤茶器", "件", 1_590),
    goods("SKU-0029", "电陶炉", "件", 25_900),
    goods("SKU-0030", "煮茶器 玻璃", "件", 18_900),
    goods("SKU-0031", "香插 黄铜", "件", 5_900),
    goods("SKU-0032", "线香 檀香 20g", "件", 3_990),
    goods("SKU-0033", "茶席 亚麻", "件", 4_580),
    goods("SKU-0034", "水方 陶", "件", 5_280),
    goods("SKU-0035", "壶承 竹", "件", 2_680),
    goods("SKU-0036", "杯垫 四片", "件", 1_880),
    goods("SKU-0037", "茶书 入门", "件", 4_900),
    goods("SKU-0038", "茶刀", "件", 2_390),
    goods("SKU-0039", "收纳包 旅行", "件", 3_690),
    goods("SKU-0040", "礼品卡 200元", "件", 20_000),
    special(Kind::Batches, goods("SKU-0041", "绿豆糕 8枚", "盒", 2_990)),
    special(Kind::Batches, goods("SKU-0042", "桃酥 200g", "盒", 1_990)),
    special(Kind::Batches, goods("SKU-0043", "鲜花饼 玫瑰 6枚", "盒", 2_890)),
    special(Kind::Batches, goods("SKU-0044", "山核桃仁 150g", "罐", 4_990)),
    special(Kind::Batches, goods("SKU-0045", "话梅 100g", "袋", 1_280)),
    special(Kind::Batches, goods("SKU-0046", "红枣 500g", "袋", 3_590)),
    special(Kind::Batches, goods("SKU-0047", "蜂蜜 洋槐 500g", "瓶", 6_800)),
    special(Kind::Batches, goods("SKU-0048", "桂花酱 220g", "瓶", 3_200)),
    special(Kind::Batches, goods("SKU-0049", "藕粉 独立包 10条", "盒", 3_990)),
    special(Kind::Batches, goods("SKU-0050", "抹茶粉 100g", "罐", 5_600)),
    special(Kind::Gift, goods("SKU-0051", "试饮装 龙井 3g", "袋", 300)),
    special(Kind::Gift, goods("SKU-0052", "品牌帆布袋", "件", 1_500)),
    special(Kind::Gift, goods("SKU-0053", "节气明信片", "套", 500)),
    special(Kind::Gift, goods("SKU-0054", "小罐 空", "件", 800)),
    special(Kind::Gift, goods("SKU-0055", "茶夹 竹", "件", 600)),
    special(Kind::Box(6), goods("SKU-0056", "瓶装茶 茉莉 500ml", "瓶", 550)),
    special(Kind::Box(12), goods("SKU-0057", "瓶装茶 乌龙 500ml", "瓶", 550)),
    special(Kind::Box(12), goods("SKU-0058", "气泡茶 白桃 330ml", "罐", 690)),
    special(Kind::Box(6), goods("SKU-0059", "瓶装茶 大红袍 1L", "瓶", 890)),
    special(Kind::Box(12), goods("SKU-0060", "冷泡茶 即饮 280ml", "瓶", 790)),
];

/// What kind of day to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// How many orders.
    pub orders: usize,
    /// The day they are shipped on.
    pub day: BusinessDay,
    /// How many of a hundred are shipped (95) but not completed (110) yet.
    pub shipped_percent: u32,
    /// How many of a hundred cannot be mapped with the shipped tables: an unknown shop, unknown goods, or both.
    pub unmappable_percent: u32,
}

impl Plan {
    /// Plans a day with 5 % still shipped and none unmappable.
    pub const fn new(seed: u64, orders: usize, day: BusinessDay) -> Self {
        Self { seed, orders, day, shipped_percent: 5, unmappable_percent: 0 }
    }

    /// Makes the orders. Ids grow with their place; consign times are spread over the day, in no order; the first
    /// order is shipped and completed on the day's first second and the second on its last.
    pub fn generate(&self) -> Vec<WdtOrder> {
        orders::generate(self)
    }
}

/// Makes a day of [`Plan::new`].
pub fn orders(seed: u64, n: usize, day: BusinessDay) -> Vec<WdtOrder> {
    Plan::new(seed, n, day).generate()
}
