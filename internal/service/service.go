// Package service is what users may ask for: one method for each wish.
//
// A method checks who asks, lets the nouns decide, and saves what comes of it in
// one transaction with the events that tell of it. What the asker may not see is
// not there. The doors call these methods and decide nothing themselves.
package service

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"autonoma"
	"autonoma/internal/blob"
	"autonoma/internal/event"
	"autonoma/internal/queue"
	"autonoma/internal/store"
)

// Config is what the services need.
type Config struct {
	DB    *store.DB
	Queue *queue.Queue
	Log   *event.Log
	Blobs *blob.Store
	Rules

	// Ready returns an [autonoma.ErrUnavailable] that says what to do, if no
	// task of the request's kind could be carried out here.
	Ready func(autonoma.Request) error

	// Source returns an [autonoma.ErrInvalid] if the source of a request cannot
	// be used.
	Source func(ctx context.Context, req autonoma.Request) error

	// Target returns what speaks against calling a URL, as whoever gave it is told.
	Target func(ctx context.Context, url string) error
	// BranchAt returns the commit at which a branch of a source on this machine stands;
	// empty if that cannot be known. Nil: it never can.
	BranchAt func(source, branch string) string
	// Candidates returns how often the step that begins a change is tried at a tier,
	// for the best to be chosen; nil: once.
	Candidates func(autonoma.Intelligence) int
	// Month is what tenants may use in a month that have no budget of their own.
	Month autonoma.MonthBudget

	// Learns says whether it is remembered of a repository what people did not want.
	Learns bool
}

// steps returns what begins the steps of runs.
func (c Config) steps() Steps { return Steps{Queue: c.Queue, Rules: c.Rules} }

// expand has the first step that is to change something tried by several candidates,
// where its tier has some. One that a human agrees to before it begins is asked about
// once, and so tried once.
func (c Config) expand(req autonoma.Request, steps []autonoma.Step) []autonoma.Step {
	if c.Candidates == nil {
		return steps
	}
	return autonoma.Expand(steps, func(s autonoma.Step) int {
		a, err := c.Catalog.Agent(s.Agent)
		if err != nil || a.Yields != autonoma.Change || s.Rules.Approval {
			return 1
		}
		return c.Candidates(cmp.Or(s.Rules.Intelligence, req.Intelligence))
	})
}

// A Cursor is a place in a listing. The zero value is its beginning.
type Cursor = store.Cursor

// Tasks is what users may do with tasks.
type Tasks struct {
	Config
	now func() time.Time
}

// NewTasks returns the tasks of the database.
func NewTasks(cfg Config) *Tasks { return &Tasks{cfg, time.Now} }

// may returns an error unless by may do what needs the scope.
func may(by autonoma.Actor, scope autonoma.KeyScope) error {
	if by.May(scope) {
		return nil
	}
	return fmt.Errorf("this key lacks the scope %s: %w", scope, autonoma.ErrForbidden)
}
