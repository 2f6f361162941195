//! How messages come into being: `functions/pull` (`intake.rs`, and the watermark of `lib.rs`), and the person
//! who sends parked orders again.

use std::rc::Rc;

use crate::world::{Broken, Order, World};

/// One run of `pull`: everything since the watermark, each document in its newest version.
pub(crate) async fn pull(world: Rc<World>) {
    let (from, to) = (world.watermark.get(), world.shipped.borrow().len());
    if world.is_broken(Broken::WatermarkFirst) {
        world.watermark.set(to);
    }
    let mut documents: Vec<usize> =
        world.shipped.borrow()[from..to].iter().map(|order| order.document).collect();
    documents.sort_unstable();
    documents.dedup();
    if take(&world, &documents).await {
        world.turn().await;
        // Conditional on the old value: of two runs at once one has moved it.
        if world.watermark.get() == from {
            world.watermark.set(to);
        }
    }
}

/// The re-scan: the first `documents` of them, whatever the watermark says.
pub(crate) async fn rescan(world: Rc<World>, documents: usize) {
    let documents: Vec<usize> = (0..documents).collect();
    take(&world, &documents).await;
}

/// `Intake::take`: false if the page has to be read again.
async fn take(world: &World, documents: &[usize]) -> bool {
    world.turn().await;
    let rows: Vec<Order> = documents.iter().filter_map(|&document| world.newest(document)).collect();
    let new: Vec<Order> = rows.into_iter().filter(|&order| !is_known(world, order)).collect();
    for &order in &new {
        if world.is_broken(Broken::NotedFirst) && world.note_queued(order).await.is_err() {
            return false;
        }
        if !world.send(order).await {
            return false;
        }
    }
    for &order in &new {
        if world.note_queued(order).await.is_err() {
            return false;
        }
    }
    true
}

/// `Ledger::known`, eventually consistent: it may not see what is there.
fn is_known(world: &World, order: Order) -> bool {
    let facts = world.facts(order);
    let store = world.store.borrow();
    let Some(item) = store.get(&facts.key).filter(|item| !item.is_expired(world.now())) else { return false };
    let held = item.held.as_ref().is_some_and(|held| held.version == facts.version);
    (item.version == facts.version || held) && world.deviate(1) == 0
}

/// A person mends what was wrong with a document and sends it again, until that has worked.
pub(crate) async fn send_again(world: Rc<World>, document: usize) {
    for version in 0..world.script(document).versions.len() {
        let order = Order { document, version };
        world.unmappable.borrow_mut().remove(&order);
        world.bip.borrow_mut().refused.remove(&order);
    }
    for member in world.members(document).into_iter().flatten() {
        world.unmappable.borrow_mut().remove(member);
    }
    loop {
        match world.requeue(document).await {
            Ok(None) => return,
            Ok(Some(order)) if world.send(order).await => return,
            Ok(Some(_)) | Err(_) => world.sleep(5_000).await,
        }
    }
}
