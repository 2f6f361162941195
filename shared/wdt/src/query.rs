//! What is asked: every request field of the interface (`protocols/wdt.md` §2).

use dougong_values::{BeijingTime, ShopNo, WarehouseNo, Window};

/// A page size outside what WDT answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a page of {0} documents cannot be asked for: write 1 to 100")]
pub struct InvalidPageSize(u32);

/// The number of documents on a page: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageSize(u8);

impl PageSize {
    /// The largest page.
    pub const MAX: Self = Self(100);

    /// Returns the number.
    pub fn get(self) -> u32 {
        u32::from(self.0)
    }

    /// Returns half of the size, for replies that are too large or too slow; `None` below two.
    #[must_use]
    pub fn halved(self) -> Option<Self> {
        (self.0 > 1).then_some(Self(self.0 / 2))
    }

    /// Returns the number of pages that hold `documents`.
    pub fn pages(self, documents: u64) -> u64 {
        documents.div_ceil(u64::from(self.0))
    }
}

impl TryFrom<u32> for PageSize {
    type Error = InvalidPageSize;

    fn try_from(size: u32) -> Result<Self, InvalidPageSize> {
        u8::try_from(size).ok().filter(|size| (1..=100).contains(size)).map(Self).ok_or(InvalidPageSize(size))
    }
}

/// Which documents are asked for. An absent field does not restrict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The closed interval of whole seconds on the filter's clock (`start_time`, `end_time`); at most 30 days.
    pub window: Window,
    /// The status of the stockout (状态), exactly; absent, shipped (95) and completed (110) ones come.
    pub status: Option<u32>,
    /// Filters by `modified` where `status` alone would filter by the consign time.
    pub is_by_modified: bool,
    /// The number of the order in WDT (系统订单编号, JY…).
    pub src_order_no: Option<String>,
    /// The number of the order on its platform (原始单号).
    pub src_tid: Option<String>,
    /// The number of the stockout (出库单号); WDT changes it when a stockout is re-audited.
    pub stockout_no: Option<String>,
    /// One shop (店铺编号).
    pub shop_no: Option<ShopNo>,
    /// One warehouse (仓库编号).
    pub warehouse_no: Option<WarehouseNo>,
}

impl Filter {
    /// Asks for everything shipped or completed in a window, by the consign time.
    pub const fn within(window: Window) -> Self {
        Self {
            window,
            status: None,
            is_by_modified: false,
            src_order_no: None,
            src_tid: None,
            stockout_no: None,
            shop_no: None,
            warehouse_no: None,
        }
    }
}

/// A question for one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which documents.
    pub filter: Filter,
    /// Which page of them, from 0. Read the last page first: rows that move while being paged then repeat instead
    /// of getting lost.
    pub page_no: u32,
    /// How many on a page.
    pub page_size: PageSize,
}

impl Query {
    /// Returns the business parameters as they travel; parameters without a value stay away.
    pub(crate) fn params(&self) -> Vec<(&'static str, String)> {
        let filter = &self.filter;
        let time = |time: BeijingTime| Some(time.to_string());
        [
            ("start_time", time(filter.window.start())),
            ("end_time", time(filter.window.end())),
            ("status", filter.status.map(|status| status.to_string())),
            ("is_by_modified", filter.is_by_modified.then(|| "1".to_owned())),
            ("src_order_no", filter.src_order_no.clone()),
            ("src_tid", filter.src_tid.clone()),
            ("stockout_no", filter.stockout_no.clone()),
            ("shop_no", filter.shop_no.as_ref().map(ToString::to_string)),
            ("warehouse_no", filter.warehouse_no.as_ref().map(ToString::to_string)),
            ("page_no", Some(self.page_no.to_string())),
            ("page_size", Some(self.page_size.get().to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.filter(|value| !value.is_empty()).map(|value| (name, value)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        let at = |text: &str| text.parse().unwrap();
        let window = Window::new(at("2024-11-11 00:00:00"), at("2024-11-11 00:04:00")).unwrap();
        Query { filter: Filter::within(window), page_no: 0, page_size: PageSize::MAX }
    }

    #[test]
    fn every_request_field_of_the_scheme_travels_under_its_name() {
        let mut query = query();
        query.filter.status = Some(110);
        query.filter.is_by_modified = true;
        query.filter.src_order_no = Some("JY1".to_owned());
        query.filter.src_tid = Some("T1".to_owned());
        query.filter.stockout_no = Some("CK1".to_owned());
        query.filter.shop_no = Some("TM001".parse().unwrap());
        query.filter.warehouse_no = Some("WH01".parse().unwrap());
        let params: Vec<String> =
            query.params().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            params.join("&"),
            "start_time=2024-11-11 00:00:00&end_time=2024-11-11 00:04:00&status=110&is_by_modified=1\
             &src_order_no=JY1&src_tid=T1&stockout_no=CK1&shop_no=TM001&warehouse_no=WH01&page_no=0&page_size=100"
        );
    }

    #[test]
    fn fields_without_a_value_do_not_travel() {
        let mut query = query();
        query.filter.src_tid = Some(String::new());
        let names: Vec<&str> = query.params().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["start_time", "end_time", "page_no", "page_size"]);
    }

    #[test]
    fn a_page_holds_one_to_a_hundred_documents() {
        assert!(PageSize::try_from(0).is_err());
        assert!(PageSize::try_from(101).is_err());
        assert!(PageSize::try_from(356).is_err());
        let size = PageSize::try_from(100).unwrap();
        assert_eq!(size.halved().map(PageSize::get), Some(50));
        assert_eq!(PageSize::try_from(1).unwrap().halved(), None);
        assert_eq!((size.pages(0), size.pages(100), size.pages(101)), (0, 1, 2));
    }
}
