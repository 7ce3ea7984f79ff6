package store

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"autonoma"
)

// What is asked for again and again is found by indexes, however much there is: no
// table that grows is read from its beginning to its end, nothing is sorted, and
// what is counted is in the index itself.
func TestPlans(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	filter := RunFilter{Tenant: "t", Kind: autonoma.KindTask, Before: Cursor{At: time.Now(), ID: "x"}, Limit: 20}
	tasks, tasksArgs := filter.query()
	filter.Status = autonoma.Failed
	failed, failedArgs := filter.query()
	asked := ApprovalFilter{Tenant: "t", Before: Cursor{At: time.Now(), ID: "x"}, Limit: 20}
	questions, questionsArgs := asked.query()
	asked.Status = autonoma.ApprovalPending
	pending, pendingArgs := asked.query()
	said, saidArgs := feedbacksQuery("t", Cursor{At: time.Now(), ID: "x"}, 20)
	known := KnowledgeFilter{Tenant: "t", Before: Cursor{At: time.Now(), ID: "x"}, Limit: 20}
	remembered, rememberedArgs := known.query()
	known.Kind = autonoma.Note
	notes, notesArgs := known.query()
	known.Source = "/repo"
	noted, notedArgs := known.query()
	for _, tt := range []struct {
		name, query string
		args        []any
		uses        string
	}{
		{"tasks", tasks, tasksArgs, "INDEX runs_by_kind ("},
		{"tasks by status", failed, failedArgs, "INDEX runs_by_kind_status ("},
		{"loads", loadsQuery, []any{"t"}, "COVERING INDEX executions_under_way ("},
		{"record", recordQuery, []any{"t", "coder-ai"}, "COVERING INDEX executions_ended ("},
		{"active", activeQuery, []any{"t", 100}, "INDEX runs_active ("},
		{"waiting", waitingQuery, []any{"t"}, "COVERING INDEX runs_queued_by_tenant ("},
		{"ahead", aheadQuery, []any{`["high"]`, "normal", 1, "x"}, "COVERING INDEX runs_queued ("},
		{"approvals", questions, questionsArgs, "INDEX approvals_by_tenant ("},
		{"approvals by status", pending, pendingArgs, "INDEX approvals_by_status ("},
		{"knowledge", remembered, rememberedArgs, "INDEX knowledge_by_tenant ("},
		{"knowledge by kind", notes, notesArgs, "INDEX knowledge_by_kind ("},
		{"knowledge of a source", noted, notedArgs, "INDEX knowledge_by_source ("},
		{"usage", usageQuery, []any{"t", "2026-01-01", "2026-01-31"}, "INDEX executions_under_way ("},
		{"month", monthQuery, []any{"t", "2026-01-01", 1}, "INDEX executions_under_way ("},
		{"maturity", maturityQuery, []any{"t", "coder-ai", "BUILD"}, "SEARCH maturity USING PRIMARY KEY (tenant=? AND agent=?)"},
		{"credits", maturityQuery, []any{"t", "coder-ai", "BUILD"}, "SEARCH credits USING PRIMARY KEY (tenant=? AND capability=?)"},
		{"modes", modesQuery, []any{"t"}, "SEARCH maturity USING PRIMARY KEY (tenant=?)"},
		{"mode changes", modeChangesQuery, []any{"t", "coder-ai", 10}, "INDEX mode_changes_by_agent ("},
		{"feedback", said, saidArgs, "INDEX feedback_by_tenant ("},
		{"workers", workersQuery, []any{"t", 1}, "COVERING INDEX executions_under_way ("},
	} {
		rows, err := db.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+tt.query, tt.args...)
		lines, err := collect(rows, err, func(row scanner) (line string, err error) {
			var id, parent, unused int
			return line, row.Scan(&id, &parent, &unused, &line)
		})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		plan := strings.Join(lines, "\n")
		index, covers := strings.CutPrefix(tt.uses, "COVERING ")
		if !strings.Contains(plan, tt.uses) || covers && strings.Contains(plan, "USING "+index) {
			t.Errorf("%s does not use %s…:\n%s", tt.name, tt.uses, plan)
		}
		for _, table := range []string{"runs", "executions"} {
			if strings.Contains(plan, "SCAN "+table) {
				t.Errorf("%s scans %s:\n%s", tt.name, table, plan)
			}
		}
		if strings.Contains(plan, "TEMP B-TREE FOR ORDER BY") {
			t.Errorf("%s sorts:\n%s", tt.name, plan)
		}
	}
}

// What is counted from columns is there for rows that are older than these.
func TestOlderRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	first, err := migrations.ReadFile("migrations/0001_runs.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := open(path, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if _, err := old.ExecContext(t.Context(), string(first)+`;
		PRAGMA user_version = 1;
		INSERT INTO tenants VALUES ('ten_1', 'owner', 'startup', 1);
		INSERT INTO runs (id, tenant, kind, shape, status, status_detail, request, steps, progress, expected_ms, created_at)
			VALUES ('task_1', 'ten_1', 'task', '', 'queued', '', '{"priority":"high"}', '[]', 0, 0, 1);
		INSERT INTO executions (id, run, step, agent, round, status, phase, base, result, created_at, started_at, completed_at)
			VALUES ('exec_1', 'task_1', 'code', 'coder-ai', 1, 'completed', '', '', '{"confidence":0.5}', 1, 1, 2)`); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Record(t.Context(), "ten_1", "coder-ai")
	if err != nil || r.Completed != 1 || r.Duration != time.Microsecond {
		t.Errorf("%+v, %v", r, err)
	}
	if waiting, err := db.Waiting(t.Context(), "ten_1"); err != nil || waiting[autonoma.High].Runs != 1 {
		t.Errorf("%+v, %v", waiting, err)
	}
	if run, err := db.Run(t.Context(), "task_1"); err != nil || run.Mode != autonoma.Assisted {
		t.Errorf("%+v, %v", run, err)
	}
}
