package httpapi_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// A clock is put to a time, and stays there.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time        { return time.Unix(c.at.Load(), 0) }
func (c *clock) set(t time.Time)       { c.at.Store(t.Unix()) }
func (c *clock) pass(by time.Duration) { c.set(c.now().Add(by)) }

// limited is a kit whose tenants have the limits of their plans, at that time.
func limited(t *testing.T, at time.Time) (*kit, *clock, *service.Limits) {
	k, c := newParts(t), new(clock)
	c.set(at)
	limits := service.NewLimits(k.db, autonoma.DefaultPlans(), c.now)
	k.cfg.Admit = limits.Admit
	k.serve()
	return k, c, limits
}

// keyOf makes a key for a new tenant on a plan.
func (k *kit) keyOf(tenant string, plan autonoma.PlanName) string {
	k.t.Helper()
	return must(service.NewKeys(k.db).Create(k.t.Context(), tenant, plan, []autonoma.KeyScope{autonoma.ScopeRead}))(k.t)
}

// rate reads the headers of an answer.
func rate(t *testing.T, r reply) (limit, remaining int, reset int64) {
	t.Helper()
	limit = must(strconv.Atoi(r.Header.Get("X-RateLimit-Limit")))(t)
	remaining = must(strconv.Atoi(r.Header.Get("X-RateLimit-Remaining")))(t)
	return limit, remaining, must(strconv.ParseInt(r.Header.Get("X-RateLimit-Reset"), 10, 64))(t)
}

var anHour = time.Date(2026, 2, 23, 15, 0, 0, 0, time.UTC)

// The figures of the four plans, by the minute and by the hour, as many clients at
// once find them.
func TestPlans(t *testing.T) {
	for plan, want := range map[autonoma.PlanName]autonoma.Plan{
		autonoma.Startup: {PerHour: 1000, PerMinute: 17}, autonoma.Growth: {PerHour: 2500, PerMinute: 42},
		autonoma.Scale: {PerHour: 5000, PerMinute: 84}, autonoma.Enterprise: {PerHour: 10000, PerMinute: 167},
	} {
		t.Run(string(plan), func(t *testing.T) {
			k, c, _ := limited(t, anHour)
			key := k.keyOf("carl", plan)
			inHour := 0
			for {
				admitted := k.burst(key, want.PerMinute+5)
				if expected := min(want.PerMinute, want.PerHour-inHour); admitted != expected {
					t.Fatalf("%d of a minute are admitted after %d of the hour, want %d", admitted, inHour, expected)
				}
				if inHour += admitted; inHour == want.PerHour {
					break
				}
				c.pass(time.Minute)
			}
			r := k.do(key, "GET", "/v1/info", "")
			if r.StatusCode != http.StatusTooManyRequests || r.problem(t).Code != api.RateLimited {
				t.Fatalf("beyond the hour: %d %s", r.StatusCode, r.body)
			}
			if limit, left, reset := rate(t, r); limit != want.PerHour || left != 0 || reset != anHour.Add(time.Hour).Unix() {
				t.Errorf("%d, %d, %d", limit, left, reset)
			}
			if got, until := r.Header.Get("Retry-After"), anHour.Add(time.Hour).Sub(c.now()); got != fmt.Sprint(int(until.Seconds())) {
				t.Errorf("Retry-After is %s, the hour ends in %v", got, until)
			}
			c.set(anHour.Add(time.Hour))
			r = k.do(key, "GET", "/v1/info", "")
			if _, left, reset := rate(t, r); r.StatusCode != 200 || left != want.PerHour-1 || reset != anHour.Add(2*time.Hour).Unix() {
				t.Errorf("in the next hour: %d, %d left until %d", r.StatusCode, left, reset)
			}
		})
	}
}

// burst sends n requests from 64 clients at once and returns how many are admitted.
func (k *kit) burst(key string, n int) int {
	const clients = 64
	var admitted atomic.Int64
	var all sync.WaitGroup
	wishes := make(chan struct{}, n)
	for range n {
		wishes <- struct{}{}
	}
	close(wishes)
	for range clients {
		all.Go(func() {
			for range wishes {
				req, err := http.NewRequestWithContext(k.t.Context(), "GET", k.URL+"/v1/info", nil)
				if err != nil {
					k.t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+key)
				resp, err := k.Client().Do(req)
				if err != nil {
					k.t.Error(err)
					return
				}
				resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					admitted.Add(1)
				case http.StatusTooManyRequests:
				default:
					k.t.Errorf("%d", resp.StatusCode)
				}
			}
		})
	}
	all.Wait()
	return int(admitted.Load())
}

// The header counts down one by one, on answers of every kind, and a refusal says
// when to come again.
func TestRateHeaders(t *testing.T) {
	k, c, _ := limited(t, anHour.Add(59*time.Minute+30*time.Second))
	paths := []string{"/v1/info", "/v1/nothing", "/v1/agents/tasks/task_000000000000", "/v1/agents/tasks?limit=0", "/v1/health"}
	for i := range 17 {
		r := k.do(k.ann, "GET", paths[i%len(paths)], "")
		if limit, left, reset := rate(t, r); limit != 1000 || left != 999-i || reset != anHour.Add(time.Hour).Unix() {
			t.Errorf("request %d, %d: %d, %d, %d", i+1, r.StatusCode, limit, left, reset)
		}
	}
	r := k.do(k.ann, "GET", "/v1/info", "")
	if _, left, _ := rate(t, r); r.StatusCode != 429 || left != 983 || r.Header.Get("Retry-After") != "30" {
		t.Errorf("beyond the minute: %d, %d left, Retry-After %s", r.StatusCode, left, r.Header.Get("Retry-After"))
	}
	if got := r.problem(t).Detail; got != "the plan startup allows 17 requests in a clock minute; come again in 30 seconds" {
		t.Errorf("it says %q", got)
	}
	// Others, and those who need no key, are not held up.
	for _, path := range []string{"/livez", "/readyz", "/openapi.yaml"} {
		if r := k.do("", "GET", path, ""); r.StatusCode != 200 || r.Header.Get("X-RateLimit-Limit") != "" {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	if r := k.do(k.bob, "GET", "/v1/info", ""); r.StatusCode != 200 {
		t.Errorf("bob: %d", r.StatusCode)
	}
	if r := k.do("", "GET", "/v1/info", ""); r.StatusCode != 401 || r.Header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("nobody: %d", r.StatusCode)
	}
	c.pass(30 * time.Second)
	if _, left, reset := rate(t, k.do(k.ann, "GET", "/v1/info", "")); left != 999 || reset != anHour.Add(2*time.Hour).Unix() {
		t.Errorf("at the edge of the hour: %d left until %d", left, reset)
	}
}

// What was used is still used after a restart: exactly after an orderly one, and
// to within what a process had in hand after a crash.
func TestLimitsSurviveRestart(t *testing.T) {
	const inHand = 17 / 8
	k, c, limits := limited(t, anHour)
	again := func() *service.Limits {
		l := service.NewLimits(k.db, autonoma.DefaultPlans(), c.now)
		k.cfg.Admit = l.Admit
		k.serve()
		return l
	}
	if got := k.burst(k.ann, 4); got != 4 {
		t.Fatalf("%d admitted", got)
	}
	if err := limits.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	limits = again()
	if _, left, _ := rate(t, k.do(k.ann, "GET", "/v1/info", "")); left != 995 {
		t.Errorf("%d left after 5 of 1000 and an orderly restart", left)
	}
	again() // the one before is simply gone
	_, left, _ := rate(t, k.do(k.ann, "GET", "/v1/info", ""))
	if left > 994 || left < 994-inHand {
		t.Errorf("%d left after 6 of 1000 and a crash", left)
	}
	if got := k.burst(k.ann, 20); got > 17-6 || got < 17-6-2*inHand {
		t.Errorf("%d more admitted in the minute", got)
	}
	_ = limits
}

// Two processes share a limit to the last request.
func TestLimitsShared(t *testing.T) {
	k, c, _ := limited(t, anHour)
	by := must(k.cfg.Who(t.Context(), k.ann))(t)
	processes := []*service.Limits{
		service.NewLimits(k.db, autonoma.DefaultPlans(), c.now), service.NewLimits(k.db, autonoma.DefaultPlans(), c.now),
	}
	admitted := 0
	for i := range 40 {
		if _, err := processes[i%2].Admit(t.Context(), by); err == nil {
			admitted++
		}
	}
	if admitted != 17 {
		t.Errorf("%d are admitted", admitted)
	}
}

// Who has used up a plan goes on at once on a larger one, and not beyond it.
func TestLargerPlanHoldsAtOnce(t *testing.T) {
	k, _, _ := limited(t, anHour)
	key := k.keyOf("carl", autonoma.Startup)
	if admitted := k.burst(key, 20); admitted != 17 {
		t.Fatalf("%d are admitted, want 17", admitted)
	}
	carl := must(k.cfg.Who(t.Context(), key))(t).Tenant
	must(k.db.ChangeTenant(t.Context(), carl, func(t *autonoma.Tenant) { t.Plan = autonoma.Growth }))(t)
	if admitted := k.burst(key, 30); admitted != 42-17 {
		t.Errorf("%d more are admitted on the larger plan, want %d", admitted, 42-17)
	}
}
