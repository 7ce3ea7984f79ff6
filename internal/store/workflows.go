package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"autonoma"
)

const workflowColumns = `tenant, definition, revision, created_at, updated_at`

// Workflows returns the templates of a tenant, newest first.
func (d *DB) Workflows(ctx context.Context, tenant autonoma.TenantID) ([]autonoma.WorkflowTemplate, error) {
	rows, err := d.read.QueryContext(ctx,
		`SELECT `+workflowColumns+` FROM workflows WHERE tenant = ? ORDER BY created_at DESC, name`, tenant)
	return collect(rows, err, scanWorkflow)
}

// Workflow returns one template of a tenant.
func (d *DB) Workflow(ctx context.Context, tenant autonoma.TenantID, name string) (autonoma.WorkflowTemplate, error) {
	w, err := scanWorkflow(d.read.QueryRowContext(ctx,
		`SELECT `+workflowColumns+` FROM workflows WHERE tenant = ? AND name = ?`, tenant, name))
	return found("workflow "+name, w, err)
}

// InsertWorkflow stores a new template, unless the tenant has one of the name, which
// is an [autonoma.ErrConflict], or as many as there may be.
func (t *Tx) InsertWorkflow(w autonoma.WorkflowTemplate) error {
	var all, alike int
	err := t.tx.QueryRowContext(t.ctx,
		`SELECT count(*), count(*) FILTER (WHERE name = ?) FROM workflows WHERE tenant = ?`, w.Name, w.Tenant).Scan(&all, &alike)
	switch {
	case err != nil:
		return fmt.Errorf("insert workflow: %w", err)
	case alike > 0:
		return fmt.Errorf("there is a workflow %s already; change it with PUT: %w", w.Name, autonoma.ErrConflict)
	case all >= autonoma.MaxWorkflows:
		return fmt.Errorf("there are %d workflows, as many as there may be; delete one: %w", all, autonoma.ErrConflict)
	}
	_, err = t.tx.ExecContext(t.ctx, `
		INSERT INTO workflows (tenant, name, definition, revision, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)`,
		w.Tenant, w.Name, asJSON(w.Workflow), w.Revision, micros(w.CreatedAt), micros(w.UpdatedAt))
	if err != nil {
		return fmt.Errorf("insert workflow: %w", err)
	}
	return nil
}

// ReplaceWorkflow stores another definition under the name of a template and returns
// the template as it is now.
func (t *Tx) ReplaceWorkflow(w autonoma.WorkflowTemplate) (autonoma.WorkflowTemplate, error) {
	now, err := scanWorkflow(t.tx.QueryRowContext(t.ctx, `
		UPDATE workflows SET definition = ?, revision = revision + 1, updated_at = ?
		WHERE tenant = ? AND name = ? RETURNING `+workflowColumns,
		asJSON(w.Workflow), micros(w.UpdatedAt), w.Tenant, w.Name))
	return found("workflow "+w.Name, now, err)
}

// DeleteWorkflow removes a template. Runs of it keep their own copy.
func (t *Tx) DeleteWorkflow(tenant autonoma.TenantID, name string) error {
	var gone int
	err := t.tx.QueryRowContext(t.ctx, `DELETE FROM workflows WHERE tenant = ? AND name = ? RETURNING 1`, tenant, name).Scan(&gone)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("workflow %s: %w", name, autonoma.ErrNotFound)
	}
	return err
}

func scanWorkflow(row scanner) (autonoma.WorkflowTemplate, error) {
	var w autonoma.WorkflowTemplate
	err := row.Scan(&w.Tenant, fromJSON(&w.Workflow), &w.Revision, toTime(&w.CreatedAt), toTime(&w.UpdatedAt))
	return w, err
}
