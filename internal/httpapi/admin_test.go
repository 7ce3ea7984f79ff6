package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/store"
)

// decoded reads an answer that has the status.
func decoded[T any](t *testing.T, r reply, status int) (v T) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("%s %s: %d %s", r.Request.Method, r.Request.URL.Path, r.StatusCode, r.body)
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// The operator makes a tenant and a key for it, which then works; its plan can be
// changed.
func TestTenants(t *testing.T) {
	k := newKit(t)
	r := k.do(k.operator, "POST", "/v1/admin/tenants", `{"name": " carl ", "plan": "growth"}`)
	carl := decoded[api.Tenant](t, r, 201)
	if carl.Name != "carl" || carl.Plan != autonoma.Growth || carl.Operator || r.Header.Get("Location") != "/v1/admin/tenants/"+string(carl.ID) {
		t.Errorf("%+v at %s", carl, r.Header.Get("Location"))
	}
	key := decoded[api.KeyWithSecret](t, k.do(k.operator, "POST", "/v1/admin/keys", `{"name": "ci", "tenantId": "`+string(carl.ID)+`"}`), 201)
	if key.TenantID != carl.ID || len(key.Scopes) != 2 || key.LastUsedAt != nil {
		t.Errorf("%+v", key)
	}
	info := decoded[api.Info](t, k.do(key.Secret, "GET", "/v1/info", ""), 200)
	decoded[api.Tenant](t, k.do(k.operator, "PATCH", r.Header.Get("Location"), `{"plan": "scale"}`), 200)
	later := decoded[api.Info](t, k.do(key.Secret, "GET", "/v1/info", ""), 200)
	if info.Plan != autonoma.Growth || later.Plan != autonoma.Scale {
		t.Errorf("the plan is %s and then %s", info.Plan, later.Plan)
	}
	used := decoded[api.Key](t, k.do(k.operator, "GET", "/v1/admin/keys/"+string(key.ID), ""), 200)
	if used.LastUsedAt == nil || time.Since(*used.LastUsedAt) > time.Minute {
		t.Errorf("last used at %v", used.LastUsedAt)
	}
	page := decoded[api.Tenants](t, k.do(k.operator, "GET", "/v1/admin/tenants?limit=2", ""), 200)
	rest := decoded[api.Tenants](t, k.do(k.operator, "GET", "/v1/admin/tenants?limit=2&cursor="+*page.NextCursor, ""), 200)
	var names []string
	for _, t := range append(page.Tenants, rest.Tenants...) {
		names = append(names, t.Name)
	}
	if got := strings.Join(names, " "); got != "carl admin bob ann" || rest.NextCursor != nil {
		t.Errorf("the tenants are %s", got)
	}
}

// An admin of a tenant administers its keys, and does not even see those of others.
func TestKeysOfTenants(t *testing.T) {
	k := newKit(t)
	bobs := decoded[api.KeyWithSecret](t, k.do(k.bob, "POST", "/v1/admin/keys", `{"name": "ci", "scopes": ["read"]}`), 201)
	theirs := decoded[api.Keys](t, k.do(k.operator, "GET", "/v1/admin/keys", ""), 200).Keys[0]
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
	}{
		{k.ann, "GET", "/v1/admin/keys", "", 403},
		{k.ann, "POST", "/v1/admin/keys", `{"name": "x"}`, 403},
		{k.ann, "GET", "/v1/admin/keys/" + string(bobs.ID), "", 403},
		{k.bob, "GET", "/v1/admin/tenants", "", 403},
		{k.bob, "POST", "/v1/admin/tenants", `{"name": "x"}`, 403},
		{k.bob, "GET", "/v1/admin/tenants/" + string(theirs.TenantID), "", 403},
		{k.bob, "PATCH", "/v1/admin/tenants/" + string(bobs.TenantID), `{"plan": "enterprise"}`, 403},
		{k.bob, "GET", "/v1/admin/keys?tenantId=" + string(theirs.TenantID), "", 404},
		{k.bob, "POST", "/v1/admin/keys", `{"name": "x", "tenantId": "` + string(theirs.TenantID) + `"}`, 404},
		{k.bob, "GET", "/v1/admin/keys/" + string(theirs.ID), "", 404},
		{k.bob, "POST", "/v1/admin/keys/" + string(theirs.ID) + "/revoke", "", 404},
		{k.bob, "POST", "/v1/admin/keys/" + string(theirs.ID) + "/rotate", "{}", 404},
		{k.operator, "GET", "/v1/admin/keys?tenantId=" + string(bobs.TenantID), "", 200},
		{k.operator, "GET", "/v1/admin/keys?tenantId=ten_000000000000", "", 404},
		{k.operator, "GET", "/v1/admin/tenants/ten_000000000000", "", 404},
		{k.operator, "PATCH", "/v1/admin/tenants/ten_000000000000", `{"plan": "scale"}`, 404},
		{k.operator, "POST", "/v1/admin/tenants", `{"name": "bob"}`, 409},
		{k.operator, "POST", "/v1/admin/tenants", `{"name": ""}`, 422},
		{k.operator, "POST", "/v1/admin/tenants", `{"name": "x", "plan": "gold"}`, 422},
		{k.operator, "PATCH", "/v1/admin/tenants/" + string(bobs.TenantID), `{}`, 422},
		{k.bob, "POST", "/v1/admin/keys", `{"name": "x", "scopes": ["fly"]}`, 422},
		{k.bob, "POST", "/v1/admin/keys", `{"name": "x", "scopes": []}`, 422},
		{k.bob, "POST", "/v1/admin/keys", `{"name": "x", "expiresAt": "2020-01-01T00:00:00Z"}`, 422},
		{k.bob, "POST", "/v1/admin/keys", `{"name": "x", "expiresAt": "soon"}`, 422},
		{k.bob, "POST", "/v1/admin/keys", `{"name": "` + strings.Repeat("x", 101) + `"}`, 422},
		{k.bob, "POST", "/v1/admin/keys/" + string(bobs.ID) + "/rotate", `{"overlapSeconds": -1}`, 422},
		{k.bob, "POST", "/v1/admin/keys/" + string(bobs.ID) + "/rotate", `{"overlapSeconds": 604801}`, 422},
		// So many seconds that the nanoseconds of them do not fit, and what is left of them would.
		{k.bob, "POST", "/v1/admin/keys/" + string(bobs.ID) + "/rotate", `{"overlapSeconds": 18446744074}`, 422},
		{k.bob, "POST", "/v1/admin/keys/" + string(bobs.ID) + "/rotate", `{"overlapSeconds": -18446744073}`, 422},
	} {
		if r := k.do(tt.key, tt.method, tt.path, tt.body); r.StatusCode != tt.status {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, r.StatusCode, r.body)
		}
	}
}

// A key is rotated without an interruption, and revoked at once.
func TestRotateAndRevoke(t *testing.T) {
	k := newKit(t)
	works := func(key string) bool { return k.do(key, "GET", "/v1/info", "").StatusCode == 200 }
	first := decoded[api.KeyWithSecret](t, k.do(k.bob, "POST", "/v1/admin/keys", `{"name": "ci"}`), 201)
	path := "/v1/admin/keys/" + string(first.ID)
	second := decoded[api.KeyWithSecret](t, k.do(k.bob, "POST", path+"/rotate", "{}"), 200)
	if !works(first.Secret) || !works(second.Secret) || second.OldUntil == nil || time.Until(*second.OldUntil) > 24*time.Hour {
		t.Errorf("old %t, new %t until %v", works(first.Secret), works(second.Secret), second.OldUntil)
	}
	third := decoded[api.KeyWithSecret](t, k.do(k.bob, "POST", path+"/rotate", `{"overlapSeconds": 0}`), 200)
	if works(first.Secret) || works(second.Secret) || !works(third.Secret) {
		t.Errorf("first %t, second %t, third %t", works(first.Secret), works(second.Secret), works(third.Secret))
	}
	revoked := decoded[api.Key](t, k.do(k.bob, "POST", path+"/revoke", ""), 200)
	again := decoded[api.Key](t, k.do(k.bob, "POST", path+"/revoke", ""), 200)
	if works(third.Secret) || revoked.RevokedAt == nil || !again.RevokedAt.Equal(*revoked.RevokedAt) {
		t.Errorf("revoked at %v and %v", revoked.RevokedAt, again.RevokedAt)
	}
	if r := k.do(k.bob, "POST", path+"/rotate", "{}"); r.StatusCode != 409 {
		t.Errorf("a revoked key is rotated: %d", r.StatusCode)
	}
	own := "/v1/admin/keys/key_" + k.bob[len("aut_"):][:12]
	if r := k.do(k.bob, "POST", own+"/revoke", ""); r.StatusCode != 409 || !works(k.bob) {
		t.Errorf("a key revokes itself: %d", r.StatusCode)
	}
}

// A key that has ended is told so.
func TestKeyExpires(t *testing.T) {
	k := newKit(t)
	tomorrow := time.Now().AddDate(0, 0, 1).UTC().Truncate(time.Second)
	key := decoded[api.KeyWithSecret](t, k.do(k.bob, "POST", "/v1/admin/keys", fmt.Sprintf(`{"name": "ci", "expiresAt": %q}`, tomorrow.Format(time.RFC3339))), 201)
	if r := k.do(key.Secret, "GET", "/v1/info", ""); r.StatusCode != 200 || !key.ExpiresAt.Equal(tomorrow) {
		t.Errorf("before: %d, until %v", r.StatusCode, key.ExpiresAt)
	}
	if err := k.db.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `UPDATE keys SET expires_at = ? WHERE id = ?`, time.Now().UnixMicro(), key.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if r := k.do(key.Secret, "GET", "/v1/info", ""); r.StatusCode != 401 || r.problem(t).Detail != "the API key expired" {
		t.Errorf("after: %d %s", r.StatusCode, r.body)
	}
}

// What a tenant may use in a month is set by the operator and shown to the tenant; when
// it is used up new work is refused by whichever door it comes in.
func TestMonthBudget(t *testing.T) {
	k := newKit(t)
	r := k.do(k.operator, "POST", "/v1/admin/tenants", `{"name": "carl", "budget": {"monthUsd": 12.5}}`)
	carl := decoded[api.Tenant](t, r, 201)
	path := r.Header.Get("Location")
	if carl.Budget.MonthUSD == nil || *carl.Budget.MonthUSD != 12.5 || carl.Budget.MonthTokens != nil {
		t.Errorf("made with %+v", carl.Budget)
	}
	key := decoded[api.KeyWithSecret](t, k.do(k.operator, "POST", "/v1/admin/keys", `{"name": "ci", "tenantId": "`+string(carl.ID)+`", "scopes": ["admin"]}`), 201).Secret
	task := `{"task": "do it", "capabilities": ["BUILD"]}`
	decoded[api.CreatedTask](t, k.do(key, "POST", "/v1/agents/tasks", task), 202)
	month := decoded[api.UsageReport](t, k.do(key, "GET", "/v1/usage", ""), 200).Month
	if month.Month != time.Now().UTC().Format("2006-01") || *month.Budget.MonthUSD != 12.5 || month.Spent != (api.Amount{}) || month.Reserved != (api.Amount{}) {
		t.Errorf("the month is %+v", month)
	}
	changed := decoded[api.Tenant](t, k.do(k.operator, "PATCH", path, `{"plan": "scale"}`), 200)
	if *changed.Budget.MonthUSD != 12.5 {
		t.Errorf("another plan changed the budget to %+v", changed.Budget)
	}
	changed = decoded[api.Tenant](t, k.do(k.operator, "PATCH", path, `{"budget": {"monthTokens": 0}}`), 200)
	if changed.Plan != autonoma.Scale || changed.Budget.MonthUSD != nil || *changed.Budget.MonthTokens != 0 {
		t.Errorf("changed to %+v", changed)
	}
	for _, door := range []struct{ path, body string }{
		{"/v1/agents/tasks", task},
		{"/v1/admin/rigor/invoke/coder-ai", `{"prompt": "do it"}`},
		{"/v1/customer/workflow", `{"workflow": "mend"}`},
	} {
		p := decoded[api.Problem](t, k.do(key, "POST", door.path, door.body), 409)
		if p.Code != api.BudgetExceeded || !strings.Contains(p.Detail, "of this tenant's month are used") {
			t.Errorf("%s: %+v", door.path, p)
		}
	}
	decoded[api.Tenant](t, k.do(k.operator, "PATCH", path, `{"budget": {}}`), 200)
	decoded[api.CreatedTask](t, k.do(key, "POST", "/v1/agents/tasks", task), 202)
	for _, wrong := range []string{`{}`, `{"budget": {"monthUsd": -1}}`, `{"budget": {"monthTokens": -1}}`, `{"budget": {"dayUsd": 1}}`} {
		if r := k.do(k.operator, "PATCH", path, wrong); r.StatusCode != 422 {
			t.Errorf("%s: %d %s", wrong, r.StatusCode, r.body)
		}
	}
}
