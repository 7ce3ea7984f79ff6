package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// taskIn names a task in the path of a request.
type taskIn struct {
	TaskID string `path:"taskId" doc:"Names the task."`
}

// runIn names a task or the invocation of an agent: what belongs to them is in one
// place for both.
type runIn struct {
	TaskID string `path:"taskId" doc:"Names the task, or the execution of an agent that was invoked by name."`
}

// runID returns the identifier, or an error if there can be no such run.
func runID(text string) (autonoma.RunID, error) {
	id := autonoma.RunID(text)
	if !id.Of(autonoma.KindTask) && !id.Of(autonoma.KindRigor) {
		return "", fmt.Errorf("there is no such task: %w", autonoma.ErrNotFound)
	}
	return id, nil
}

// taskID returns the identifier, or an error if there can be no such task.
func taskID(text string) (autonoma.RunID, error) {
	id := autonoma.RunID(text)
	if !id.Of(autonoma.KindTask) {
		return "", fmt.Errorf("there is no such task: %w", autonoma.ErrNotFound)
	}
	return id, nil
}

func (s *server) createTask(ctx context.Context, by autonoma.Actor, in *Creation[api.CreateTask], also service.Also[autonoma.Run]) (autonoma.Run, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return autonoma.Run{}, err
	}
	req := requestOf(wish)
	if len(faults) > 0 {
		return autonoma.Run{}, withNouns(faults, judged(req.Normalize()))
	}
	return s.Tasks.Submit(ctx, by, req, also)
}

// createdTask is the answer to a submission.
func (s *server) createdTask(run autonoma.Run) (string, api.CreatedTask) {
	out := api.CreatedTask{
		TaskID: run.ID, Status: run.Status, EstimatedCompletion: api.Seconds(run.EstimatedCompletion(s.now())),
		AgentsAssigned: api.AgentsOf(run), StatusURL: api.PathOf(run.ID),
	}
	return out.StatusURL, out
}

type retryIn struct {
	TaskID string `path:"taskId" doc:"Names the task."`
	Named
}

func (s *server) retryTask(ctx context.Context, by autonoma.Actor, in *retryIn, also service.Also[autonoma.Run]) (autonoma.Run, error) {
	id, err := taskID(in.TaskID)
	if err != nil {
		return autonoma.Run{}, err
	}
	if _, err := s.Tasks.Task(ctx, by, id); err != nil {
		return autonoma.Run{}, err
	}
	return s.Tasks.Retry(ctx, by, id, also)
}

// judged returns the faults that a noun has found in what was sent.
func judged(said error) autonoma.FieldErrors {
	faults, _ := errors.AsType[autonoma.FieldErrors](said)
	return faults
}

// withNouns adds what the nouns have said about what was sent to what was found before,
// each field once.
func withNouns(faults, theirs autonoma.FieldErrors) autonoma.FieldErrors {
	for _, f := range theirs {
		told := slices.ContainsFunc(faults, func(g *autonoma.FieldError) bool {
			return g.Field == "" || g.Field == f.Field || strings.HasPrefix(g.Field, f.Field+"[")
		})
		if !told {
			faults = append(faults, f)
		}
	}
	return faults
}

type listTasksIn struct {
	Status string `query:"status" doc:"Only tasks with this status."`
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many tasks a page holds at most."`
}

type listTasksOut struct {
	Body api.Tasks
}

func (s *server) listTasks(ctx context.Context, by autonoma.Actor, in *listTasksIn) (*listTasksOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	runs, next, err := s.Tasks.List(ctx, by, autonoma.Status(in.Status), from, in.Limit)
	if err != nil {
		return nil, err
	}
	page := api.Tasks{Tasks: make([]api.Task, len(runs))}
	for i, run := range runs {
		if page.Tasks[i], err = s.view(ctx, by, run); err != nil {
			return nil, err
		}
	}
	page.NextCursor = nextCursor(next)
	return &listTasksOut{page}, nil
}

// nextCursor writes a place in a listing so that nobody is tempted to read it.
// The end is null.
func nextCursor(c service.Cursor) *string {
	if c.At.IsZero() {
		return nil
	}
	text := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%s", c.At.UnixMicro(), c.ID))
	return &text
}

func parseCursor(text string) (service.Cursor, error) {
	if text == "" {
		return service.Cursor{}, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	at, id, _ := strings.Cut(string(plain), ".")
	us, bad := strconv.ParseInt(at, 10, 64)
	if err != nil || bad != nil || !autonoma.RunID(id).Valid() {
		return service.Cursor{}, &autonoma.FieldError{Field: "cursor", Reason: "must be the nextCursor of an earlier page"}
	}
	return service.Cursor{At: time.UnixMicro(us).UTC(), ID: id}, nil
}

type taskOut struct {
	Body api.Task
}

func (s *server) getTask(ctx context.Context, by autonoma.Actor, in *taskIn) (*taskOut, error) {
	id, err := taskID(in.TaskID)
	if err != nil {
		return nil, err
	}
	run, err := s.Tasks.Task(ctx, by, id)
	if err != nil {
		return nil, err
	}
	body, err := s.view(ctx, by, run)
	if body.Output != nil {
		body.Output.Verification.Stale = s.Tasks.Stale(run)
	}
	return &taskOut{body}, err
}

func (s *server) cancelTask(ctx context.Context, by autonoma.Actor, in *runIn) (*taskOut, error) {
	id, err := runID(in.TaskID)
	if err != nil {
		return nil, err
	}
	run, err := s.Tasks.Cancel(ctx, by, id)
	if err != nil {
		return nil, err
	}
	body, err := s.view(ctx, by, run)
	return &taskOut{body}, err
}
