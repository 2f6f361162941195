//! Asks a real BIP account and prints counts only; nothing is written there.
//!
//! ```text
//! DOUGONG_BIP_TENANT_ID=… DOUGONG_BIP_APP_KEY=… DOUGONG_BIP_APP_SECRET=… \
//!     cargo run -p dougong-bip --example probe_bip [voucher code]
//! ```
//!
//! With `DOUGONG_BIP_TOKEN_URL` and `DOUGONG_BIP_GATEWAY_URL` the data centre is not asked for. A voucher
//! code as an argument is looked up.
#![expect(clippy::print_stdout, reason = "a probe talks to the person who runs it")]

use std::env::VarError;
use std::error::Error;
use std::time::Duration;

use dougong_bip::{
    Alone, Client, Clock, Credential, Gateway, ListQuery, Lookup, META_URL, NoSlot, Session, Slot, Timeouts,
    VoucherKind, discover,
};
use dougong_values::{BeijingTime, VoucherCode};
use secrecy::SecretString;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let credential = Credential::new(
        setting("DOUGONG_BIP_APP_KEY")?,
        SecretString::from(setting("DOUGONG_BIP_APP_SECRET")?),
    );
    let gateway = gateway().await?;
    println!("gateway: {}", gateway.gateway_url);
    println!("tokens:  {}", gateway.token_url);

    let client = Client::new(gateway, credential, Timeouts::default())?;
    let session = Session::new(client, Alone::new(54, Clock::System));

    let now = BeijingTime::now();
    let week = ListQuery { page_size: 10, ..ListQuery::between(now.plus_seconds(-7 * 86_400), now) };
    let page = session.list(slot(&session).await?, VoucherKind::Order, &week).await?;
    let pages = page.page_count.map_or_else(|| "an unknown number of".to_owned(), |pages| pages.to_string());
    println!("orders of the last seven days: {pages} pages of 10, {} on the first", page.rows.len());
    println!("rows that cannot be read: {}", page.unreadable);
    println!("rows with a total: {}", page.rows.iter().filter(|row| row.pay_money.is_some()).count());
    println!(
        "rows with a customer's code: {}",
        page.rows.iter().filter(|row| row.agent_code.is_some()).count()
    );

    if let Some(code) = std::env::args().nth(1) {
        let code: VoucherCode = code.parse()?;
        match session.find_by_code(slot(&session).await?, VoucherKind::Order, &code).await {
            Lookup::Found(found) => println!("{code}: there, with id {}", found.id),
            Lookup::Absent => println!("{code}: not there"),
            Lookup::Failed(error) => println!("{code}: {error}"),
        }
    }
    Ok(())
}

async fn slot(session: &Session<Alone>) -> Result<Slot, NoSlot> {
    let mut slots = session.reserve(1, Duration::from_secs(10)).await?;
    slots.pop().ok_or(NoSlot::Full { next_ms: 0 })
}

async fn gateway() -> Result<Gateway, Box<dyn Error>> {
    if let (Ok(token_url), Ok(gateway_url)) =
        (setting("DOUGONG_BIP_TOKEN_URL"), setting("DOUGONG_BIP_GATEWAY_URL"))
    {
        return Ok(Gateway { token_url, gateway_url });
    }
    Ok(discover(META_URL, &setting("DOUGONG_BIP_TENANT_ID")?, Timeouts::default()).await?)
}

fn setting(name: &str) -> Result<String, String> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(VarError::NotPresent) => Err(format!("{name} is not set")),
        Err(VarError::NotUnicode(_)) => Err(format!("{name} is not UTF-8")),
    }
}
