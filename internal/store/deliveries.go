package store

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"
	"time"

	"autonoma"
)

//go:embed announce.sql
var announce string

// announce writes down who is to be told of the events of a run, in the transaction
// that saves them. It costs a statement if hooks can be told of one, or nothing.
//
// What is kept is the run as it is now, not the text that is sent: that is written
// from it when it is sent, so a run that nobody listens to costs nothing more. It is
// kept once, however many are told, and without what nobody is shown.
func (t *Tx) announce(r autonoma.Run, events []autonoma.Event) error {
	type item struct {
		Type     autonoma.HookType   `json:"type"`
		At       int64               `json:"at"`
		Until    int64               `json:"until"`
		Approval autonoma.ApprovalID `json:"approval,omitempty"`
	}
	var news []item
	for _, e := range events {
		for _, typ := range autonoma.HookTypesOf(r, e) {
			news = append(news, item{typ, e.At.UnixMicro(), e.At.Add(autonoma.HookPatience).UnixMicro(), autonoma.ApprovalOf(e)})
		}
	}
	if len(news) == 0 {
		return nil
	}
	callback := []autonoma.HookType{}
	if r.Request.CallbackURL != "" {
		callback = autonoma.CallbackTypes(r.Kind)
	}
	snapshot := rand.Text()
	done, err := t.tx.ExecContext(t.ctx, announce, t.asJSON(news), r.ID, r.Tenant, asJSON(callback), snapshot)
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	if told, err := done.RowsAffected(); err != nil || told == 0 {
		return err
	}
	if _, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO snapshots (id, at, state, artifacts) VALUES (?1, ?2, ?3,
			(SELECT json_group_array(json_object('id', id, 'name', name, 'type', type, 'path', path, 'size', size) ORDER BY created_at, id)
				FROM artifacts WHERE run = ?4))`,
		snapshot, news[len(news)-1].At, t.asJSON(r.Outline()), r.ID); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	return nil
}

const deliveryColumns = `id, hook, tenant, run, type, at, status, attempts, next_at, until, last_at, took_us, code, answer, problem`

// A Snapshot is a run as it was when something happened.
type Snapshot struct {
	Run       autonoma.Run
	Artifacts []autonoma.Artifact // but for when they were made, and what is in them
	Approval  *autonoma.Approval  // the question that it tells of, or that waited then; nil if there is none
}

// Due returns up to limit deliveries whose next attempt is due, the longest due
// first, but for those named and those of the hooks, or callbacks of tenants, named.
func (d *DB) Due(ctx context.Context, now time.Time, but []autonoma.DeliveryID, busy []string, limit int) ([]autonoma.HookDelivery, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+deliveryColumns+` FROM deliveries
		WHERE next_at <= ? AND id NOT IN (SELECT value FROM json_each(?))
			AND iif(hook = '', tenant, hook) NOT IN (SELECT value FROM json_each(?))
		ORDER BY next_at, number LIMIT ?`, now.UnixMicro(), asJSON(but), asJSON(busy), limit)
	return collect(rows, err, scanDelivery)
}

// NextDue returns when the next attempt is due of all that are not due yet; zero if
// there is none.
func (d *DB) NextDue(ctx context.Context, now time.Time) (at time.Time, err error) {
	err = d.read.QueryRowContext(ctx, `SELECT min(next_at) FROM deliveries WHERE next_at > ?`, now.UnixMicro()).Scan(toTime(&at))
	return at, err
}

// Snapshot returns what a delivery tells of; nothing if it tells of no run.
func (d *DB) Snapshot(ctx context.Context, id autonoma.DeliveryID) (s Snapshot, err error) {
	var typ autonoma.HookType
	var approval autonoma.ApprovalID
	err = d.read.QueryRowContext(ctx, `
		SELECT type, approval, state, artifacts FROM deliveries LEFT JOIN snapshots ON snapshots.id = snapshot
		WHERE deliveries.id = ?`, id).
		Scan(&typ, &approval, fromJSON(&s.Run), fromJSON(&s.Artifacts))
	if err != nil || approval == "" {
		return found(string(id), s, err)
	}
	a, err := d.Approval(ctx, approval)
	if !typ.TellsDecision() { // all else was told while it waited
		a.Status, a.Decision = autonoma.ApprovalPending, nil
	}
	s.Approval = &a
	return s, err
}

// Delivery returns one delivery, which nobody else can change until the transaction
// ends.
func (t *Tx) Delivery(id autonoma.DeliveryID) (autonoma.HookDelivery, error) {
	d, err := scanDelivery(t.tx.QueryRowContext(t.ctx, `SELECT `+deliveryColumns+` FROM deliveries WHERE id = ?`, id))
	return found(string(id), d, err)
}

// A DeliveryFilter chooses deliveries of one tenant, newest first.
type DeliveryFilter struct {
	Tenant autonoma.TenantID
	Hook   autonoma.HookID         // empty: callbacks
	Status autonoma.DeliveryStatus // empty: any
	Before Cursor                  // only older ones; zero: all
	Limit  int
}

// Deliveries returns the deliveries that f chooses.
func (d *DB) Deliveries(ctx context.Context, f DeliveryFilter) ([]autonoma.HookDelivery, error) {
	rows, err := d.read.QueryContext(ctx, `
		SELECT `+deliveryColumns+` FROM deliveries
		WHERE tenant = ?1 AND hook = ?2 AND ?3 IN ('', status) AND (?4 IS NULL OR (at, id) < (?4, ?5))
		ORDER BY at DESC, id DESC LIMIT ?6`,
		f.Tenant, f.Hook, f.Status, micros(f.Before.At), f.Before.ID, f.Limit)
	return collect(rows, err, scanDelivery)
}

// InsertDelivery stores a delivery that tells of no run.
func (t *Tx) InsertDelivery(d autonoma.HookDelivery) error {
	_, err := t.tx.ExecContext(t.ctx, `
		INSERT INTO deliveries (id, hook, tenant, run, type, at, status, next_at, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, d.Hook, d.Tenant, d.Run, d.Type, micros(d.At), d.Status, micros(d.NextAt), micros(d.Until))
	if err != nil {
		return fmt.Errorf("insert delivery: %w", err)
	}
	return nil
}

// SaveDelivery stores what has changed in a delivery. If it is not pending any more
// it makes the one due that waits for it.
func (t *Tx) SaveDelivery(d autonoma.HookDelivery) error {
	_, err := t.tx.ExecContext(t.ctx, `
		UPDATE deliveries SET status = ?, attempts = ?, next_at = ?, until = ?, last_at = ?, took_us = ?, code = ?, answer = ?, problem = ?
		WHERE id = ?`,
		d.Status, d.Attempts, micros(d.NextAt), micros(d.Until), micros(d.Last.At), d.Last.Took.Microseconds(), d.Last.Status,
		d.Last.Answer, d.Last.Problem, d.ID)
	if err == nil && d.Status != autonoma.DeliveryPending && d.Run != "" {
		_, err = t.tx.ExecContext(t.ctx, `
			UPDATE deliveries SET next_at = at
			WHERE number = (SELECT min(number) FROM deliveries WHERE hook = ? AND run = ? AND status = 'pending') AND next_at IS NULL`, d.Hook, d.Run)
	}
	if err != nil {
		return fmt.Errorf("save delivery: %w", err)
	}
	return nil
}

// RequeueDelivery stores a delivery that is to be made again. If another of the same
// hook and run is under way, that one comes first.
func (t *Tx) RequeueDelivery(d autonoma.HookDelivery) error {
	if err := t.SaveDelivery(d); err != nil || d.Run == "" {
		return err
	}
	_, err := t.tx.ExecContext(t.ctx, `
		UPDATE deliveries SET next_at = NULL
		WHERE id = ?1 AND EXISTS (
			SELECT 1 FROM deliveries WHERE hook = ?2 AND run = ?3 AND status = 'pending' AND id <> ?1 AND next_at IS NOT NULL)`,
		d.ID, d.Hook, d.Run)
	return err
}

// AbandonDeliveries gives up all that a hook is still to be told.
func (t *Tx) AbandonDeliveries(hook autonoma.HookID) error {
	_, err := t.tx.ExecContext(t.ctx, `UPDATE deliveries SET status = 'dead', next_at = NULL WHERE hook = ? AND status = 'pending'`, hook)
	return err
}

// ForgetDeliveries removes those that are over and tell of what happened before the
// given time.
func (d *DB) ForgetDeliveries(ctx context.Context, before time.Time) error {
	if _, err := d.write.ExecContext(ctx, `DELETE FROM deliveries WHERE status <> 'pending' AND at < ?`, before.UnixMicro()); err != nil {
		return err
	}
	_, err := d.write.ExecContext(ctx, `
		DELETE FROM snapshots WHERE at < ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE snapshot = snapshots.id)`, before.UnixMicro())
	return err
}

func scanDelivery(row scanner) (autonoma.HookDelivery, error) {
	var d autonoma.HookDelivery
	var took int64
	err := row.Scan(&d.ID, &d.Hook, &d.Tenant, &d.Run, &d.Type, toTime(&d.At), &d.Status, &d.Attempts, toTime(&d.NextAt), toTime(&d.Until),
		toTime(&d.Last.At), &took, &d.Last.Status, &d.Last.Answer, &d.Last.Problem)
	d.Last.Took = time.Duration(took) * time.Microsecond
	return d, err
}
