// Package store keeps runs, executions, events, artifacts, workers, tenants, keys,
// and what hooks are to be told, in one SQLite file.
//
// What belongs together is written in one transaction, through [DB.Update];
// what a worker writes is fenced: [DB.Append] and [Tx.Hold] refuse a worker
// whose lease is no longer the newest, or whose run was cancelled. One
// connection writes, so writers queue up in this process rather than at the
// file's lock; readers have connections of their own and never wait for it.
//
// The package decides nothing about runs: the nouns in package autonoma do.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // registers the driver; needs no C compiler

	"autonoma"
)

// ErrLost reports that a worker's lease is not the newest any more, or that its
// run was cancelled. The worker must stop: what it does is not wanted.
var ErrLost = errors.New("lease lost")

// DB is an open database. Its methods are safe for concurrent use and report
// what is not there as [autonoma.ErrNotFound]. Times are kept to the microsecond.
type DB struct {
	write   *sql.DB
	read    *sql.DB
	budgets atomic.Int64 // how often those of tenants were changed

	// Clean takes out of a document what must not be kept, of an event or of what else
	// somebody wrote; nil: nothing. It is set before the first use.
	Clean func(doc []byte) []byte
}

// readers is how many connections read at once.
const readers = 4

// Open opens the file at path, creating it if need be, and migrates it.
func Open(ctx context.Context, path string) (*DB, error) {
	write, err := open(path, 1, url.Values{
		"_pragma": {
			"busy_timeout(10000)", "journal_mode(WAL)",
			"synchronous(FULL)", // an accepted task survives a power cut too
			"foreign_keys(ON)", "cache_size(-8192)", "wal_autocheckpoint(2000)",
		},
		"_txlock": {"immediate"}, // a row once read stays as it is until commit
	})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, write); err != nil {
		write.Close()
		return nil, fmt.Errorf("migrate %s: %w", path, err)
	}
	read, err := open(path, readers, url.Values{
		"_pragma": {"busy_timeout(10000)", "query_only(ON)", "cache_size(-4096)"},
	})
	if err != nil {
		write.Close()
		return nil, err
	}
	return &DB{write: write, read: read}, nil
}

func open(path string, conns int, params url.Values) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Close closes the database.
func (d *DB) Close() error { return errors.Join(d.read.Close(), d.write.Close()) }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Writer returns the connection that writes. It is for the queue, which keeps
// its jobs in the same file so that they are saved in the same transactions.
func (d *DB) Writer() *sql.DB { return d.write }

// Update runs fn in a transaction, which commits if fn returns nil. No other
// writer comes between.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return inTx(ctx, d.write, func(tx *sql.Tx) error { return fn(&Tx{ctx, tx, d.Clean}) })
}

// A Tx is one transaction. It carries the context of the Update it lives in, as
// *sql.Tx does.
type Tx struct {
	ctx   context.Context
	tx    *sql.Tx
	clean func(doc []byte) []byte
}

// SQL returns the transaction itself, for the queue.
func (t *Tx) SQL() *sql.Tx { return t.tx }

// inTx runs fn in a transaction that commits if fn returns nil.
func inTx(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// querier is what both a database and a transaction can do.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// scanner is a row.
type scanner interface{ Scan(...any) error }

// found turns the absence of a row into ErrNotFound.
func found[T any](what string, v T, err error) (T, error) {
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, fmt.Errorf("%s: %w", what, autonoma.ErrNotFound)
	}
	return v, err
}

// collect scans all rows.
func collect[T any](rows *sql.Rows, err error, scan func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// micros is a time as the database keeps it: null when zero.
func micros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// toTime scans microseconds since 1970, or null, into a time.
func toTime(t *time.Time) sql.Scanner { return (*microTime)(t) }

type microTime time.Time

// Scan implements [sql.Scanner].
func (t *microTime) Scan(v any) error {
	switch n := v.(type) {
	case nil:
		*t = microTime{}
	case int64:
		*t = microTime(time.UnixMicro(n).UTC())
	default:
		return fmt.Errorf("time is a %T", v)
	}
	return nil
}
