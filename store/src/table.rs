//! What the roads need to know of an entity, read once, and the way from a model to a flat row and back.

use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, DbBackend, EntityTrait, IdenStatic, Iterable,
    PrimaryKeyToColumn, Value,
    sea_query::{ColumnType, Expr, Query},
};

use crate::{
    Error,
    operation::Operation,
    row::{Row, Shape},
};

/// A table, without the entity's type: everything behind the handles is compiled once, not once an entity.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) backend: DbBackend,
    pub(crate) name: &'static str,
    pub(crate) schema: Option<String>,
    pub(crate) columns: Vec<Column>,
    /// The columns by which an update names its row: the primary key's, in the key's order, unless others are chosen.
    pub(crate) key: Vec<usize>,
}

/// A column and how it is written.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: ColumnType,
    /// What stands before a value in a statement, and after it: what the entity's `save_as` makes of it, as a rule
    /// nothing.
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Table {
    pub(crate) fn of<E: EntityTrait>(backend: DbBackend) -> Result<Self, Error> {
        let entity = E::default();
        let columns = E::Column::iter().map(|column| Column::of::<E>(column, backend));
        let columns = columns.collect::<Result<_, _>>()?;
        let key = E::PrimaryKey::iter().filter_map(|key| position::<E>(key.into_column())).collect();
        let schema = entity.schema_name().map(str::to_owned);
        Ok(Self { backend, name: entity.table_name(), schema, columns, key })
    }

    /// The types of an entity's columns, in words: for a spool, which must know them again.
    pub(crate) fn kinds<E: EntityTrait>() -> Vec<String> {
        let kind = |column: E::Column| match column.def().get_column_type() {
            // An enumeration may gain values.
            ColumnType::Enum { name, .. } => format!("Enum({name})"),
            other => format!("{other:?}"),
        };
        E::Column::iter().map(kind).collect()
    }

    /// The table's name with its schema, if the entity names one.
    pub(crate) fn qualified(&self) -> String {
        qualify(self.schema.as_deref(), self.name)
    }

    /// The same, of an entity.
    pub(crate) fn qualified_name<E: EntityTrait>(entity: &E) -> String {
        qualify(entity.schema_name(), entity.table_name())
    }

    /// The name of a column, for messages.
    pub(crate) fn column(&self, index: usize) -> &'static str {
        self.columns.get(index).map_or("?", |column| column.name)
    }

    /// Takes the values out of a model that is to be inserted: all that are set or unchanged. The columns `identity`
    /// must be among them, and not NULL.
    pub(crate) fn insertion<M: ActiveModelTrait>(&self, model: M, identity: &[usize]) -> Result<Row, Error> {
        let mut shape = Shape::empty(Operation::Insert);
        let values = self.flatten(model, |_, value| given(value), |column| shape.insert(column))?;
        let row = Row::new(shape, values);
        self.require(&row, identity, "is part of the idempotency key and is not set; set it")?;
        Ok(row)
    }

    /// Takes the values out of a model that updates its row: the key, and all that are set.
    pub(crate) fn update<M: ActiveModelTrait>(&self, model: M) -> Result<Row, Error> {
        let pick = |column, value| match value {
            ActiveValue::Set(value) => Some(value),
            ActiveValue::Unchanged(value) if self.key.contains(&column) => Some(value),
            ActiveValue::Unchanged(_) | ActiveValue::NotSet => None,
        };
        let mut shape = Shape::empty(Operation::Update);
        let values = self.flatten(model, pick, |column| shape.insert(column))?;
        let row = Row::new(shape, values);
        self.require(&row, &self.key, "is part of the key and is not set; set it to name the row")?;
        if row.values.len() == self.key.len() {
            return Err(
                self.invalid(self.name_of_key(), "is set alone; set a column that is to be changed as well")
            );
        }
        Ok(row)
    }

    /// The same of one that is done only if the row holds what `expected` sets.
    pub(crate) fn update_if<M: ActiveModelTrait>(&self, model: M, expected: M) -> Result<Row, Error> {
        let Row { mut shape, mut values, .. } = self.update(model)?;
        let mut columns = Vec::new();
        let mut condition = self.flatten(expected, |_, value| given(value), |column| columns.push(column))?;
        for column in &columns {
            if self.columns.get(*column).is_some_and(|column| column.is_document()) {
                return Err(self
                    .invalid(*column, "is a document, which cannot be expected; name a version or a state"));
            }
            shape.expect(*column);
        }
        if columns.is_empty() {
            return Err(
                self.invalid(self.name_of_key(), "is set alone, and nothing is expected; use a plain update")
            );
        }
        values.append(&mut condition);
        Ok(Row::new(shape, values))
    }

    /// Builds the models again that a row was made of, with every value set: the row's own, and what it expects.
    pub(crate) fn models<E: EntityTrait>(row: Row) -> (E::ActiveModel, Option<E::ActiveModel>) {
        let conditional = row.shape.is_conditional();
        let (set, expected) = row.into_cells();
        (model::<E>(set), conditional.then(|| model::<E>(expected)))
    }

    /// Takes the values out of a model that `pick` wants, and tells `column` their numbers.
    fn flatten<M: ActiveModelTrait>(
        &self,
        mut model: M,
        pick: impl Fn(usize, ActiveValue<Value>) -> Option<Value>,
        mut column: impl FnMut(usize),
    ) -> Result<Vec<Value>, Error> {
        let mut values = Vec::with_capacity(self.columns.len());
        for (index, name) in <M::Entity as EntityTrait>::Column::iter().enumerate() {
            let Some(value) = pick(index, model.take(name)) else { continue };
            // The driver's encoder panics on such a number, so it must not get that far. Only MySQL can hold it.
            if self.backend != DbBackend::MySql
                && matches!(value, Value::BigUnsigned(Some(number)) if i64::try_from(number).is_err())
            {
                return Err(self.invalid(index, "is above 9223372036854775807; store it as text"));
            }
            column(index);
            values.push(value);
        }
        Ok(values)
    }

    /// Refuses a row that does not set these columns, or sets one of them to NULL, which equals nothing.
    fn require(&self, row: &Row, columns: &[usize], unset: &'static str) -> Result<(), Error> {
        for wanted in columns {
            match row.cells().find(|(column, _)| column == wanted) {
                None => return Err(self.invalid(*wanted, unset)),
                Some((_, value)) if *value == value.as_null() => {
                    return Err(self.invalid(
                        *wanted,
                        "is part of the key and is NULL, which names no row; set a value",
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// A column of the key, for messages about all of it.
    fn name_of_key(&self) -> usize {
        self.key.first().copied().unwrap_or_default()
    }

    fn invalid(&self, column: usize, reason: &'static str) -> Error {
        Error::InvalidRow { table: self.name, column: self.column(column), reason }
    }
}

fn given(value: ActiveValue<Value>) -> Option<Value> {
    match value {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
        ActiveValue::NotSet => None,
    }
}

fn model<E: EntityTrait>(cells: Vec<(usize, Value)>) -> E::ActiveModel {
    let mut model = <E::ActiveModel as ActiveModelTrait>::default();
    let mut columns = E::Column::iter().enumerate();
    for (index, value) in cells {
        if let Some((_, column)) = columns.find(|(at, _)| *at == index) {
            // The value came out of the same field of the same type, so it goes back in.
            if let Err(error) = model.try_set(column, value) {
                tracing::error!(column = column.as_str(), %error, "a value could not be given back");
            }
        }
    }
    model
}

impl Column {
    /// Whether it holds JSON, of which databases differ in what is equal.
    fn is_document(&self) -> bool {
        matches!(self.kind, ColumnType::Json | ColumnType::JsonBinary)
    }

    /// A column whose values are bound as they are.
    #[cfg(test)]
    pub(crate) fn plain(name: &'static str, kind: ColumnType) -> Self {
        Self { name, kind, before: String::new(), after: String::new() }
    }

    /// The expression that gives the column its value, around a placeholder or a name.
    pub(crate) fn around(&self, value: &str) -> String {
        format!("{}{value}{}", self.before, self.after)
    }

    fn of<E: EntityTrait>(column: E::Column, backend: DbBackend) -> Result<Self, Error> {
        let name = column.as_str();
        let unsupported = |remedy| Error::Unsupported {
            what: format!("column {name} of {}", E::default().table_name()),
            remedy,
        };
        let kind = column.def().get_column_type().clone();
        // The drivers have no encoding for these on SQLite and MySQL and panic.
        if backend != DbBackend::Postgres
            && matches!(
                kind,
                ColumnType::Array(_)
                    | ColumnType::Vector(_)
                    | ColumnType::Cidr
                    | ColumnType::Inet
                    | ColumnType::MacAddr
            )
        {
            return Err(unsupported("only PostgreSQL has such a type; use text or JSON"));
        }
        let sql = backend.build(Query::select().expr(column.save_as(Expr::val(0)))).sql;
        let mark = if backend == DbBackend::Postgres { "$1" } else { "?" };
        let (before, after) = sql.trim_start_matches("SELECT ").split_once(mark).unwrap_or_default();
        if sql.matches(mark).count() != 1 {
            return Err(unsupported("its save_as must use the value exactly once"));
        }
        let (mut before, mut after) = (before.to_owned(), after.to_owned());
        if backend == DbBackend::Postgres && matches!(kind, ColumnType::Json) {
            // Documents for it travel as text, so that the column keeps them as they were written.
            before.push_str("CAST(");
            after.insert_str(0, " AS json)");
        }
        Ok(Self { name, kind, before, after })
    }
}

fn qualify(schema: Option<&str>, table: &str) -> String {
    schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"))
}

/// The number of a column in the entity's order.
pub(crate) fn position<E: EntityTrait>(column: E::Column) -> Option<usize> {
    E::Column::iter().position(|other| other.as_str() == column.as_str())
}
