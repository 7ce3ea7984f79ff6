package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"autonoma"
	"autonoma/api"
	"autonoma/internal/service"
)

// feedbackRoutes are the operations on what people say of work.
func (s *server) feedbackRoutes() {
	const feedback = "/v1/feedback"
	on := []string{"feedback"}
	creates(s, huma.Operation{OperationID: "giveFeedback", Method: http.MethodPost, Path: feedback, Tags: on, DefaultStatus: http.StatusCreated,
		Summary: "Say whether work that is over was right",
		Errors:  []int{404}}, s.giveFeedback, givenFeedback)
	handle(s, huma.Operation{OperationID: "listFeedback", Method: http.MethodGet, Path: feedback, Tags: on,
		Summary: "List what was said of work, newest first",
		Errors:  []int{403, 422}}, s.listFeedback)
	handle(s, huma.Operation{OperationID: "getFeedback", Method: http.MethodGet, Path: feedback + "/{feedbackId}", Tags: on,
		Summary: "Get what was said of work",
		Errors:  []int{403, 404}}, s.getFeedback)
}

func (s *server) giveFeedback(ctx context.Context, by autonoma.Actor, in *Creation[api.GiveFeedback], also service.Also[autonoma.Feedback]) (autonoma.Feedback, error) {
	wish, faults, err := in.Sent.get()
	if err != nil {
		return autonoma.Feedback{}, err
	}
	if faults = withNouns(faults, remarkFaults(wish)); len(faults) > 0 {
		return autonoma.Feedback{}, faults
	}
	if wish.TaskID != "" && !wish.TaskID.Valid() || wish.ExecutionID != "" && !wish.ExecutionID.Valid() {
		return autonoma.Feedback{}, fmt.Errorf("there is no such work: %w", autonoma.ErrNotFound)
	}
	return s.Feedback.Give(ctx, by, service.Remark{Run: wish.TaskID, Execution: wish.ExecutionID, Signal: wish.Signal, Reason: wish.Reason}, also)
}

// remarkFaults are what is wrong with a feedback that has the right form.
func remarkFaults(wish api.GiveFeedback) autonoma.FieldErrors {
	var faults autonoma.FieldErrors
	if (wish.TaskID == "") == (wish.ExecutionID == "") {
		faults = append(faults, &autonoma.FieldError{Field: "taskId", Reason: "give either taskId or executionId"})
	}
	if !slices.Contains(autonoma.Signals, wish.Signal) {
		faults = append(faults, &autonoma.FieldError{Field: "signal", Reason: "must be accept or reject"})
	}
	return faults
}

// givenFeedback is the answer to whoever gave feedback.
func givenFeedback(f autonoma.Feedback) (string, api.Feedback) {
	return api.FeedbackPathOf(f.ID), api.FeedbackOf(f)
}

type listFeedbackIn struct {
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many a page holds at most."`
}

type listFeedbackOut struct {
	Body api.Feedbacks
}

func (s *server) listFeedback(ctx context.Context, by autonoma.Actor, in *listFeedbackIn) (*listFeedbackOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Feedback.List(ctx, by, from, in.Limit)
	return &listFeedbackOut{api.Feedbacks{Feedback: each(all, api.FeedbackOf), NextCursor: nextCursor(next)}}, err
}

type feedbackIn struct {
	FeedbackID string `path:"feedbackId" doc:"Names the feedback."`
}

type feedbackOut struct {
	Body api.Feedback
}

func (s *server) getFeedback(ctx context.Context, by autonoma.Actor, in *feedbackIn) (*feedbackOut, error) {
	id := autonoma.FeedbackID(in.FeedbackID)
	if !id.Valid() {
		return nil, fmt.Errorf("there is no such feedback: %w", autonoma.ErrNotFound)
	}
	f, err := s.Feedback.Get(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return &feedbackOut{api.FeedbackOf(f)}, nil
}
