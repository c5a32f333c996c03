//! Which writers take what, and so have which settings.

use sea_orm::EntityTrait;

use super::{BatchUpdateWriter, BatchWriter, Store};

/// A writer that takes new rows: [`BatchWriter`] or [`Store`].
pub trait Inserts: sealed::Writer {}

/// A writer that takes updates: [`BatchUpdateWriter`] or [`Store`].
pub trait Updates: sealed::Writer {}

impl<E: EntityTrait> Inserts for BatchWriter<E> {}
impl<E: EntityTrait> Inserts for Store<E> {}
impl<E: EntityTrait> Updates for BatchUpdateWriter<E> {}
impl<E: EntityTrait> Updates for Store<E> {}

impl<E: EntityTrait> sealed::Writer for BatchWriter<E> {}
impl<E: EntityTrait> sealed::Writer for BatchUpdateWriter<E> {}
impl<E: EntityTrait> sealed::Writer for Store<E> {}

mod sealed {
    /// So that nobody else makes one.
    pub trait Writer {}
}
