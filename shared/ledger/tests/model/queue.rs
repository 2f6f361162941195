//! The queue: at least once, in any order, late, and twice at the same time.

use dougong_ledger::EpochMs;

use crate::world::{DAY, HOUR, MINUTE, Order, SECOND, World};

/// How long a received message stays invisible: six times the function's timeout.
pub(crate) const VISIBILITY: EpochMs = 6 * MINUTE;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) id: usize,
    pub(crate) order: Order,
    pub(crate) receives: u32,
    visible_at: EpochMs,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    messages: Vec<Message>,
    sent: usize,
    /// Every version that was ever sent.
    pub(crate) orders: Vec<Order>,
}

impl Queue {
    fn push(&mut self, order: Order, visible_at: EpochMs) {
        self.sent += 1;
        self.messages.push(Message { id: self.sent, order, receives: 0, visible_at });
        if !self.orders.contains(&order) {
            self.orders.push(order);
        }
    }

    pub(crate) fn next_visible(&self) -> Option<EpochMs> {
        self.messages.iter().map(|message| message.visible_at).min()
    }

    fn find(&mut self, id: usize) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.id == id)
    }
}

impl World {
    /// Sends a message; false if the sender has to believe that it was not sent.
    pub(crate) async fn send(&self, order: Order) -> bool {
        self.turn().await;
        let now = self.now();
        let mut queue = self.queue.borrow_mut();
        match self.deviate(4) {
            0 => queue.push(order, now),
            1 => {
                self.say(|| format!("{order:?} is sent twice"));
                queue.push(order, now);
                queue.push(order, now);
            }
            2 => {
                self.say(|| format!("{order:?} is sent, the answer is lost"));
                queue.push(order, now);
                return false;
            }
            3 => return false,
            _ => {
                self.say(|| format!("{order:?} arrives late"));
                queue.push(order, now + HOUR);
            }
        }
        true
    }

    /// Receives a message that is visible.
    pub(crate) fn receive(&self) -> Option<Message> {
        let now = self.now();
        let mut queue = self.queue.borrow_mut();
        let message = queue.messages.iter_mut().filter(|message| message.visible_at <= now);
        let message = message.min_by_key(|message| (message.visible_at, message.id))?;
        message.receives += 1;
        let twice = self.deviate(1) > 0;
        message.visible_at = if twice { now } else { now + VISIBILITY };
        self.say(|| format!("message {} received, {:?}", message.id, message.order));
        self.deliveries.set(self.deliveries.get() + 1);
        Some(*message)
    }

    /// Deletes a message, if the request arrives.
    pub(crate) async fn delete(&self, id: usize) {
        self.turn().await;
        if self.deviate(1) == 0 {
            self.queue.borrow_mut().messages.retain(|message| message.id != id);
        }
    }

    /// Delays a message, if the request arrives and the queue is punctual.
    pub(crate) async fn delay(&self, id: usize, duration: EpochMs) {
        self.turn().await;
        let visible_at = match self.deviate(3) {
            0 => self.now() + duration,
            1 => return,
            2 => self.now() + self.between(HOUR - 15 * SECOND, HOUR + 2 * MINUTE),
            _ => self.now() + duration + 31 * DAY,
        };
        if let Some(message) = self.queue.borrow_mut().find(id) {
            message.visible_at = visible_at;
        }
    }
}
