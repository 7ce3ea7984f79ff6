package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"autonoma"
)

const knowledgeColumns = `id, tenant, source, kind, name, type, text, paths, confidence, successes, failures, uses, origin, edited_by, created_at, updated_at, used_at`

// KnowledgeOf returns something that is remembered.
func (d *DB) KnowledgeOf(ctx context.Context, id autonoma.KnowledgeID) (autonoma.Knowledge, error) {
	return knowledgeOf(ctx, d.read, id)
}

// KnowledgeOf returns something that is remembered, which nobody else can change until
// the transaction ends.
func (t *Tx) KnowledgeOf(id autonoma.KnowledgeID) (autonoma.Knowledge, error) {
	return knowledgeOf(t.ctx, t.tx, id)
}

func knowledgeOf(ctx context.Context, q querier, id autonoma.KnowledgeID) (autonoma.Knowledge, error) {
	k, err := scanKnowledge(q.QueryRowContext(ctx, `SELECT `+knowledgeColumns+` FROM knowledge WHERE id = ?`, id))
	return found(string(id), k, err)
}

// A KnowledgeFilter chooses what is remembered for one tenant, newest first.
type KnowledgeFilter struct {
	Tenant autonoma.TenantID
	Source string                 // empty: any
	Kind   autonoma.KnowledgeKind // empty: any
	Before Cursor                 // only what is older; zero: all
	Limit  int
}

// Knowledge returns what f chooses.
func (d *DB) Knowledge(ctx context.Context, f KnowledgeFilter) ([]autonoma.Knowledge, error) {
	query, args := f.query()
	rows, err := d.read.QueryContext(ctx, query, args...)
	return collect(rows, err, scanKnowledge)
}

func (f KnowledgeFilter) query() (string, []any) {
	query := `SELECT ` + knowledgeColumns + ` FROM knowledge WHERE tenant = ?`
	args := []any{f.Tenant}
	if f.Source != "" {
		query += ` AND source = ?`
		args = append(args, f.Source)
	}
	switch {
	case f.Kind == "":
	case f.Source != "": // there is little of one source, and it is in order
		query += ` AND +kind = ?`
		args = append(args, f.Kind)
	default:
		query += ` AND kind = ?`
		args = append(args, f.Kind)
	}
	return page(query, args, f.Before, f.Limit)
}

// CountNotes returns how many notes of people are kept for a tenant.
func (t *Tx) CountNotes(tenant autonoma.TenantID) (n int, err error) {
	err = t.tx.QueryRowContext(t.ctx, `SELECT count(*) FROM knowledge WHERE tenant = ? AND kind = ?`, tenant, autonoma.Note).Scan(&n)
	return n, err
}

// keptOutcomes is how much of a kind that runs teach is kept of one source.
const keptOutcomes = 100

// Remember keeps k, in place of what had its name. What a person wrote stays as they
// wrote it, how often it was used stays counted, and what a person deleted does not
// come back. Of what runs teach about a source the oldest makes room.
func (t *Tx) Remember(k autonoma.Knowledge) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO knowledge (`+knowledgeColumns+`)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17
		WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE tenant = ?2 AND source = ?3 AND kind = ?4 AND name = ?5)
		ON CONFLICT (tenant, source, kind, name) DO UPDATE SET
			type = iif(edited_by = '', excluded.type, type), text = iif(edited_by = '', excluded.text, text),
			confidence = iif(edited_by = '', excluded.confidence, confidence), paths = excluded.paths,
			origin = excluded.origin, created_at = excluded.created_at, updated_at = excluded.updated_at`,
		k.ID, k.Tenant, k.Source, k.Kind, k.Name, k.Type, k.Text, asJSON(k.Paths), k.Confidence, k.Successes, k.Failures, k.Uses,
		k.Origin, k.EditedBy, micros(k.CreatedAt), micros(k.UpdatedAt), micros(k.UsedAt))
	if err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	if k.Kind != autonoma.RunOutcome && k.Kind != autonoma.Refusal {
		return nil
	}
	_, err = t.tx.ExecContext(t.ctx, `
		DELETE FROM knowledge WHERE id IN (
			SELECT id FROM knowledge WHERE tenant = ? AND source = ? AND +kind = ? AND edited_by = ''
			ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)`, k.Tenant, k.Source, k.Kind, keptOutcomes)
	if err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	return nil
}

// HistoryHead returns the commit up to which the history of a source was looked at;
// empty if it never was.
func (d *DB) HistoryHead(ctx context.Context, tenant autonoma.TenantID, source string) (head string, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT head FROM histories WHERE tenant = ? AND source = ?`, tenant, source).Scan(&head)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return head, err
}

// RememberHistory keeps what the history of a source tells up to a commit. What it told
// before and tells no more is dropped, unless a person wrote it.
func (t *Tx) RememberHistory(tenant autonoma.TenantID, source, head string, told []autonoma.Knowledge) error {
	names := []string{}
	for _, k := range told {
		names = append(names, string(k.Kind)+" "+k.Name)
		if err := t.Remember(k); err != nil {
			return err
		}
	}
	_, err := t.tx.ExecContext(t.ctx, `
		DELETE FROM knowledge WHERE tenant = ? AND source = ? AND edited_by = ''
			AND kind IN (SELECT value FROM json_each(?)) AND kind || ' ' || name NOT IN (SELECT value FROM json_each(?))`,
		tenant, source, asJSON(autonoma.HistoryKinds), asJSON(names))
	if err != nil {
		return fmt.Errorf("drop what the history tells no more: %w", err)
	}
	_, err = t.tx.ExecContext(t.ctx, `
		INSERT INTO histories (tenant, source, head) VALUES (?, ?, ?) ON CONFLICT (tenant, source) DO UPDATE SET head = excluded.head`,
		tenant, source, head)
	if err != nil {
		return fmt.Errorf("keep the head of a history: %w", err)
	}
	return nil
}

// EditKnowledge stores what a person has changed.
func (t *Tx) EditKnowledge(k autonoma.Knowledge) error {
	_, err := t.tx.ExecContext(t.ctx, `UPDATE knowledge SET text = ?, confidence = ?, edited_by = ?, updated_at = ? WHERE id = ?`,
		k.Text, k.Confidence, k.EditedBy, micros(k.UpdatedAt), k.ID)
	if err != nil {
		return fmt.Errorf("edit knowledge: %w", err)
	}
	return nil
}

// Forget removes k for good: of what was found rather than written down, its name is
// kept, so that it does not come back.
func (t *Tx) Forget(k autonoma.Knowledge) error {
	if k.Kind != autonoma.Note {
		if _, err := t.tx.ExecContext(t.ctx, `INSERT OR IGNORE INTO forgotten (tenant, source, kind, name) VALUES (?, ?, ?, ?)`,
			k.Tenant, k.Source, k.Kind, k.Name); err != nil {
			return fmt.Errorf("forget: %w", err)
		}
	}
	if _, err := t.tx.ExecContext(t.ctx, `DELETE FROM knowledge WHERE id = ?`, k.ID); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}

// Tell counts that a run is told something, once however often it is told. What was
// forgotten meanwhile is passed over.
func (t *Tx) Tell(run autonoma.RunID, told []autonoma.Knowledge, at time.Time) error {
	for _, k := range told {
		if _, err := t.tx.ExecContext(t.ctx, `
			UPDATE knowledge SET uses = uses + 1, used_at = ?3
			WHERE id = ?2 AND NOT EXISTS (SELECT 1 FROM told WHERE run = ?1 AND knowledge = ?2)`, run, k.ID, micros(at)); err != nil {
			return fmt.Errorf("count a use: %w", err)
		}
		if _, err := t.tx.ExecContext(t.ctx, `
			INSERT OR IGNORE INTO told (run, knowledge) SELECT ?, id FROM knowledge WHERE id = ?`, run, k.ID); err != nil {
			return fmt.Errorf("count a use: %w", err)
		}
	}
	return nil
}

// Judge counts for what a run was told whether its result held, if that is known. A
// run is judged once.
func (t *Tx) Judge(run autonoma.RunID, held, known bool) error {
	if known {
		column := "failures"
		if held {
			column = "successes"
		}
		if _, err := t.tx.ExecContext(t.ctx, `
			UPDATE knowledge SET `+column+` = `+column+` + 1 WHERE id IN (SELECT knowledge FROM told WHERE run = ?)`, run); err != nil {
			return fmt.Errorf("judge what was told: %w", err)
		}
	}
	if _, err := t.tx.ExecContext(t.ctx, `DELETE FROM told WHERE run = ?`, run); err != nil {
		return fmt.Errorf("judge what was told: %w", err)
	}
	return nil
}

func scanKnowledge(row scanner) (autonoma.Knowledge, error) {
	var k autonoma.Knowledge
	err := row.Scan(&k.ID, &k.Tenant, &k.Source, &k.Kind, &k.Name, &k.Type, &k.Text, fromJSON(&k.Paths), &k.Confidence, &k.Successes, &k.Failures, &k.Uses,
		&k.Origin, &k.EditedBy, toTime(&k.CreatedAt), toTime(&k.UpdatedAt), toTime(&k.UsedAt))
	return k, err
}
