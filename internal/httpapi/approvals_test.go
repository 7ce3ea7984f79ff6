package httpapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"autonoma"
	"autonoma/api"
)

// ask starts a run of ann's that waits for an approval, and returns both.
func (k *kit) ask() (autonoma.RunID, autonoma.ApprovalID) {
	k.t.Helper()
	ctx := k.t.Context()
	ann := must(k.cfg.Who(ctx, k.ann))(k.t)
	run := must(k.tasks.Start(ctx, ann, autonoma.KindTask, autonoma.Request{Task: "ship it", Capabilities: []autonoma.Capability{autonoma.Build}}, []autonoma.Step{
		{ID: "ship", Agent: "coder-ai", Asks: "Ship.", Status: autonoma.StepPending, Round: 1, Rules: autonoma.Rules{Approval: true}},
	}))(k.t)
	a := must(k.cfg.Approvals.Pending(ctx, run.ID))(k.t)
	return run.ID, a.ID
}

// A question is shown in full, in the list, with its task and by itself, until it is
// answered.
func TestApprovals(t *testing.T) {
	k := newKit(t)
	id, asked := k.ask()
	c, ctx := k.client(k.ann), t.Context()
	task := must(c.Task(ctx, id))(t)
	if task.Status != autonoma.AwaitingApproval || task.Approval == nil || task.Approval.ID != asked || task.Approval.Status != autonoma.ApprovalPending {
		t.Fatalf("%s: %+v", task.Status, task.Approval)
	}
	a := must(c.Approval(ctx, asked))(t)
	if a.RunID != id || a.StepID != "ship" || a.Question == "" || a.Risk != autonoma.MediumRisk || a.DiffURL != nil || !strings.Contains(string(a.Evidence), "Ship.") || a.Decision != nil {
		t.Errorf("%+v", a)
	}
	if got := a.Deadline.Sub(a.CreatedAt); got != autonoma.ApprovalTime {
		t.Errorf("there are %v to answer", got)
	}
	a = must(c.Decide(ctx, asked, api.Decide{Decision: api.Approve, Reason: "fine"}))(t)
	if d := a.Decision; a.Status != autonoma.ApprovalApproved || d == nil || d.Name != "ann" || *d.Reason != "fine" || d.KeyID == "" {
		t.Errorf("%+v", a)
	}
	if task = must(c.Task(ctx, id))(t); task.Approval != nil || task.Status != autonoma.InProgress || task.Steps[0].ExecutionID == nil {
		t.Errorf("%s: %+v", task.Status, task.Approval)
	}
	if _, err := c.Decide(ctx, asked, api.Decide{Decision: api.Reject}); !errors.Is(err, autonoma.ErrConflict) {
		t.Errorf("a second answer: %v", err)
	}
}

func TestReject(t *testing.T) {
	k := newKit(t)
	id, asked := k.ask()
	must(k.client(k.ann).Decide(t.Context(), asked, api.Decide{Decision: api.Reject, Reason: "not on a Friday"}))(t)
	task := must(k.client(k.ann).Task(t.Context(), id))(t)
	if task.Status != autonoma.Failed || task.Error == nil || task.Error.Code != autonoma.FailRejected || !strings.Contains(task.Error.Message, "not on a Friday") {
		t.Errorf("%s: %+v", task.Status, task.Error)
	}
}

// The list is one's own, by status, and comes page by page.
func TestListApprovals(t *testing.T) {
	k := newKit(t)
	var all []autonoma.ApprovalID
	for range 105 {
		_, asked := k.ask()
		all = append(all, asked)
	}
	must(k.client(k.ann).Decide(t.Context(), all[50], api.Decide{Decision: api.Approve}))(t)
	for status, want := range map[autonoma.ApprovalStatus]int{"": 105, autonoma.ApprovalPending: 104, autonoma.ApprovalApproved: 1, autonoma.ApprovalExpired: 0} {
		n := 0
		for a, err := range k.client(k.ann).Approvals(t.Context(), status) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; status == "" && a.ID != all[len(all)-n] {
				t.Errorf("approval %d is %s", n, a.ID)
			}
		}
		if n != want {
			t.Errorf("%d are %q, want %d", n, status, want)
		}
	}
	for _, err := range k.client(k.bob).Approvals(t.Context(), "") {
		t.Errorf("bob sees ann's: %v", err)
	}
}

// What cannot be asked for, or not by everybody.
func TestApprovalRefused(t *testing.T) {
	k := newKit(t)
	_, asked := k.ask()
	path := "/v1/approvals/" + string(asked)
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		says                    string
	}{
		{k.bob, "GET", path, "", 404, ""},
		{k.bob, "POST", path + "/decision", `{"decision":"approve"}`, 404, ""},
		{k.reader, "GET", path, "", 200, ""},
		{k.reader, "POST", path + "/decision", `{"decision":"approve"}`, 403, "write"},
		{k.ann, "GET", "/v1/approvals/appr_000000000000", "", 404, ""},
		{k.ann, "GET", "/v1/approvals/nonsense", "", 404, ""},
		{k.ann, "GET", "/v1/approvals?status=maybe", "", 422, "status"},
		{k.ann, "GET", "/v1/approvals?cursor=x", "", 422, "cursor"},
		{k.ann, "POST", path + "/decision", `{"decision":"maybe"}`, 422, "approve or reject"},
		{k.ann, "POST", path + "/decision", `{}`, 422, "approve or reject"},
		{k.ann, "POST", path + "/decision", `{"decision":"approve","why":"x"}`, 422, "why"},
		{k.ann, "POST", path + "/decision", fmt.Sprintf(`{"decision":"approve","reason":%q}`, strings.Repeat("x", 2001)), 422, "2000"},
		{k.ann, "POST", path + "/decision", `approve`, 400, ""},
	} {
		r := k.do(tt.key, tt.method, tt.path, tt.body)
		if r.StatusCode != tt.status || !strings.Contains(string(r.body), tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, r.StatusCode, r.body)
		}
	}
	if r := k.do(k.ann, "GET", path, ""); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), `"pending"`) {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
}
