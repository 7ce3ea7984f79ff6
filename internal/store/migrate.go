package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. The database counts the migrations it
// has seen in its user_version; each runs once, in the order of its file name,
// in a transaction of its own. Files that have been released never change.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted
	if err != nil {
		return err
	}
	var done int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&done); err != nil {
		return err
	}
	if done > len(files) {
		return fmt.Errorf("the database has seen %d migrations but this program knows %d: it is older than its data; install the newer program", done, len(files))
	}
	for i, file := range files[done:] {
		script, err := migrations.ReadFile(file)
		if err != nil {
			return err
		}
		script = fmt.Appendf(script, "\nPRAGMA user_version = %d;", done+i+1)
		if err := inTx(ctx, db, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, string(script))
			return err
		}); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}
