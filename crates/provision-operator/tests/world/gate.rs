//! Where a process dies: before or after one of its writes to the cluster or requests to the cloud.

use std::sync::Mutex;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Go,
    /// The process dies before the call has any effect.
    DieBefore,
    /// The call has its effect, but the process dies before it hears of it.
    DieAfter,
}

/// Counts the calls of one process and ends it at one of them. After that nothing gets through any more.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Vec<String>,
    die: Option<(usize, Fate)>,
    dead: bool,
}

impl Gate {
    pub(crate) fn open() -> Self {
        Self::default()
    }

    /// Dies at the call of this number.
    pub(crate) fn die_at(number: usize, fate: Fate) -> Self {
        let gate = Self::default();
        gate.inner.lock().unwrap().die = Some((number, fate));
        gate
    }

    /// A call that counts.
    pub(crate) fn pass(&self, label: &str) -> Fate {
        let mut inner = self.inner.lock().unwrap();
        if inner.dead {
            return Fate::DieBefore;
        }
        let number = inner.calls.len();
        inner.calls.push(label.to_owned());
        match inner.die {
            Some((at, fate)) if at == number => {
                inner.dead = true;
                fate
            }
            _ => Fate::Go,
        }
    }

    /// A call without effect.
    pub(crate) fn look(&self) -> Fate {
        if self.is_dead() { Fate::DieBefore } else { Fate::Go }
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.inner.lock().unwrap().dead
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.inner.lock().unwrap().calls.clone()
    }
}
