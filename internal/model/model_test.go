package model_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"autonoma/internal/model"
)

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		status             int
		kind               model.Kind
		retry, unavailable bool
	}{
		{307, model.NotFound, false, true},
		{400, model.InvalidRequest, false, false},
		{401, model.Unauthorized, false, true},
		{402, model.Quota, false, true},
		{403, model.Forbidden, false, true},
		{404, model.NotFound, false, true},
		{408, model.Conflict, true, true},
		{409, model.Conflict, true, true},
		{413, model.TooLong, false, false},
		{422, model.InvalidRequest, false, false},
		{429, model.RateLimited, true, true},
		{500, model.Overloaded, true, true},
		{503, model.Overloaded, true, true},
		{529, model.Overloaded, true, true},
	} {
		e := &model.Error{Kind: model.KindOfStatus(tt.status)}
		if e.Kind != tt.kind || e.Retryable() != tt.retry || e.Unavailable() != tt.unavailable {
			t.Errorf("%d: kind %q, retryable %v, unavailable %v", tt.status, e.Kind, e.Retryable(), e.Unavailable())
		}
	}
	if k := model.KindOfStatus(200); k != "" {
		t.Errorf("a good status has the kind %q", k)
	}
	cause := errors.New("reset")
	err := fmt.Errorf("turn 3: %w", &model.Error{Kind: model.Cut, Provider: "p", Model: "m", Status: 500, RetryAfter: time.Second, Message: "broke off", Err: cause})
	if model.KindOf(err) != model.Cut || !errors.Is(err, cause) || err.Error() != "turn 3: p/m: cut (HTTP 500): broke off: reset" {
		t.Errorf("got %q", err)
	}
	if model.KindOf(cause) != "" {
		t.Error("any error has a kind")
	}
}

func TestUsage(t *testing.T) {
	u := model.Usage{InputTokens: 1, OutputTokens: 2, CacheReadTokens: 3, CacheWriteTokens: 4}
	p := model.Price{Input: 1e6, Output: 1e5, CacheRead: 1e4, CacheWrite: 1e3, Known: true}
	if got := u.Cost(p); got != 1.234 {
		t.Errorf("cost %v", got)
	}
	if got := u.Add(u); got.Total() != 20 || got.CacheWriteTokens != 8 {
		t.Errorf("sum %+v", got)
	}
}

func TestCollectWantsAnEnd(t *testing.T) {
	m := &turns{all: []turn{saysThenFails("h", nil)}}
	heard := ""
	_, err := model.Collect(m.Turn(t.Context(), model.Request{}), func(d model.Delta) { heard += d.Text })
	if model.KindOf(err) != model.Cut || heard != "h" {
		t.Errorf("heard %q, %v", heard, err)
	}
}
