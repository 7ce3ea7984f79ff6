package autonoma

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Hook is who wants to be told, over HTTP, of what happens to a tenant's runs.
type Hook struct {
	ID          HookID
	Tenant      TenantID
	URL         string
	Events      []HookType
	Description string
	Disabled    string // why it is told nothing; empty: it is told
	// Since when, and how often, it has failed without a success in between.
	FailingSince time.Time
	Failures     int
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Limits of hooks.
const (
	MaxHooks       = 20    // of one tenant
	MaxHookURL     = 2_048 // bytes
	MaxDescription = 500   // bytes
	MaxAnswer      = 2_048 // bytes kept of what a receiver answers
)

// When the platform gives up.
const (
	// HookPatience is how long a delivery is tried again.
	HookPatience = 24 * time.Hour
	// HookTolerance is how long a hook may fail without a success, and HookTries
	// how often it must have been tried by then, before it is disabled.
	HookTolerance = 5 * 24 * time.Hour
	HookTries     = 10
)

// DisabledByOwner is why a hook is disabled that its owner has disabled.
const DisabledByOwner = "disabled by its owner"

// Normalize trims, and reports everything that is wrong with h at once, as
// [FieldErrors].
func (h *Hook) Normalize() error {
	var faults FieldErrors
	h.URL, h.Description = strings.TrimSpace(h.URL), strings.TrimSpace(h.Description)
	checkHookURL(&faults, "url", h.URL)
	if len(h.Events) == 0 {
		faults.add("events", "must name at least one type of event, or %q for all; /v1/info lists them", AllHookTypes)
	}
	for i, t := range h.Events {
		field := fmt.Sprintf("events[%d]", i)
		switch {
		case t != AllHookTypes && !slices.Contains(HookTypes(), t):
			faults.add(field, "is not a type of event; /v1/info lists them, and %q stands for all", AllHookTypes)
		case slices.Contains(h.Events[:i], t):
			faults.add(field, "repeats %s", t)
		}
	}
	if len(h.Description) > MaxDescription || !utf8.ValidString(h.Description) || strings.ContainsFunc(h.Description, unicode.IsControl) {
		faults.add("description", "must be at most %d bytes of text without control characters", MaxDescription)
	}
	return faults.orNil()
}

// checkHookURL judges the form of a URL that is to be told something. Where it
// leads is for others to find out.
func checkHookURL(faults *FieldErrors, field, text string) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		faults.add(field, "must not be empty")
	case len(text) > MaxHookURL:
		faults.add(field, "must not exceed %d bytes", MaxHookURL)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		faults.add(field, "must be an https:// or http:// URL")
	}
}

// Attempted takes into account how telling h something went. Whoever answers 410
// wants to hear no more.
func (h *Hook) Attempted(a Attempt) {
	h.UpdatedAt = a.At
	if a.OK() {
		h.FailingSince, h.Failures = time.Time{}, 0
		return
	}
	if h.FailingSince.IsZero() {
		h.FailingSince = a.At
	}
	h.Failures++
	switch failing := a.At.Sub(h.FailingSince); {
	case h.Disabled != "":
	case a.Status == 410:
		h.Disabled = "it answered 410 (gone)"
	case failing >= HookTolerance && h.Failures >= HookTries:
		h.Disabled = fmt.Sprintf("it failed %d times in a row since %s; the last time: %s",
			h.Failures, h.FailingSince.UTC().Format(time.RFC3339), a.Problem)
	}
}

// A HookDelivery tells one hook of one event, in as many attempts as it takes.
// Those of the same run to the same hook are made in order: none begins before the
// one before it is delivered or dead.
type HookDelivery struct {
	ID     DeliveryID
	Hook   HookID // empty: the callback of the run
	Tenant TenantID
	Run    RunID // empty: it tells of no run
	Type   HookType
	At     time.Time // when it happened
	Status DeliveryStatus
	// Attempts are those since the delivery was made, or made again.
	Attempts int
	NextAt   time.Time // when the next attempt is due; zero: none is, or it waits for another delivery
	Until    time.Time // when there will be no more attempts
	Last     Attempt   // the last attempt; zero: there was none
}

// A DeliveryStatus is where a delivery is.
type DeliveryStatus string

// The statuses of a delivery.
const (
	DeliveryPending DeliveryStatus = "pending"
	Delivered       DeliveryStatus = "delivered"
	DeliveryDead    DeliveryStatus = "dead" // given up; it can be made again
)

// DeliveryStatuses are all statuses of a delivery.
var DeliveryStatuses = []DeliveryStatus{DeliveryPending, Delivered, DeliveryDead}

// An Attempt is one try to tell a receiver something.
type Attempt struct {
	At      time.Time
	Took    time.Duration
	Status  int    // of the answer; 0: there was none
	Answer  string // how its body begins
	Problem string // why it does not count; empty: it does
}

// OK reports whether the receiver has accepted what it was told.
func (a Attempt) OK() bool { return a.Problem == "" }

// Attempted takes into account how an attempt went. A delivery that was given up
// meanwhile stays so, unless it arrived. Chance, from 0 to 1, spreads what would
// else be tried again all at once.
func (d *HookDelivery) Attempted(a Attempt, chance float64) {
	d.Attempts++
	d.Last = a
	if a.OK() {
		d.Status, d.NextAt = Delivered, time.Time{}
		return
	}
	if d.Status != DeliveryPending {
		return
	}
	d.NextAt = a.At.Add(a.Took).Add(pause(d.Attempts, chance))
	if d.NextAt.After(d.Until) || a.Status == 410 {
		d.Status, d.NextAt = DeliveryDead, time.Time{}
	}
}

// pause is how long to wait after the given number of attempts: 10 seconds, then
// twice as long each time, up to four hours; a fifth more or less, by chance.
func pause(attempts int, chance float64) time.Duration {
	const first, most = 10 * time.Second, 4 * time.Hour
	wait := most
	if doubled := attempts - 1; doubled < 11 {
		wait = min(most, first<<doubled)
	}
	return time.Duration(float64(wait) * (0.8 + 0.4*chance))
}

// Again makes d anew, from the given time on.
func (d *HookDelivery) Again(at time.Time) {
	d.Status, d.Attempts, d.NextAt, d.Until = DeliveryPending, 0, at, at.Add(HookPatience)
}

// NewPing returns a delivery that tells a hook nothing but that it is there. It is
// attempted once.
func NewPing(h Hook, at time.Time) HookDelivery {
	return HookDelivery{
		ID: NewDeliveryID(), Hook: h.ID, Tenant: h.Tenant, Type: PingHookType, At: at,
		Status: DeliveryPending, NextAt: at, Until: at,
	}
}
