"""SQLAlchemy and psycopg as compare-store's peers: one process a database, driven by lines.

It reads "insert 1000", "update 1000" or "copy 1000", connects, makes the rows, says "ready", waits for "go", writes them
in one transaction, and says "done". The rows are those of `benches/src/bin/compare-store/fill.rs`.

Each library is used in its fastest documented way: SQLAlchemy Core with a list of parameters, which becomes executemany
(sqlite3: one prepared statement; psycopg: pipelined; PyMySQL: INSERT is rewritten to many rows a statement), and
psycopg's COPY in the binary format with the types set.
"""

import sys

import sqlalchemy as sa

address = sys.argv[1]
fill = sa.table(
    "compare_store_fill",
    *(sa.column(name) for name in "id symbol side price quantity fee at venue client note".split()),
)
change = (
    sa.update(fill)
    .where(fill.c.id == sa.bindparam("key"))
    .values(price=sa.bindparam("price"), quantity=sa.bindparam("quantity"), note=sa.bindparam("note"))
)
TYPES = ["int8", "text", "text", "float8", "int8", "float8", "int8", "text", "text", "text"]


def row(id):
    return {
        "id": id,
        "symbol": "EURUSD",
        "side": "buy" if id % 2 == 0 else "sell",
        "price": 1.08 + id * 1e-6,
        "quantity": 100 + id,
        "fee": 0.25,
        "at": 1_700_000_000_000 + id,
        "venue": "first venue of the list",
        "client": f"client-{id:08}" if id % 3 == 0 else None,
        "note": f"fill {id} {'x' * 80}",
    }


def changed(id):
    return {"key": id, "price": 2.0 + id, "quantity": -id, "note": f"changed {id}"}


def say(word):
    print(word, flush=True)


def turn(way, rows):
    engine = sa.create_engine(address)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
        connection.commit()
        made = [changed(id) if way == "update" else row(id) for id in range(rows)]
        if way == "copy":
            made = [tuple(one.values()) for one in made]
        say("ready")
        if sys.stdin.readline() != "go\n":
            return
        if way == "copy":
            driver = connection.connection.driver_connection
            text = "COPY compare_store_fill FROM STDIN (FORMAT BINARY)"
            with driver.cursor() as cursor, cursor.copy(text) as copy:
                copy.set_types(TYPES)
                for one in made:
                    copy.write_row(one)
            driver.commit()
        else:
            connection.execute(change if way == "update" else sa.insert(fill), made)
            connection.commit()
        say("done")
    engine.dispose()


for line in sys.stdin:
    way, rows = line.split()
    turn(way, int(rows))
