package httpapi

import (
	"context"
	"fmt"

	"autonoma"
	"autonoma/api"
)

// approvalIn names an approval in the path of a request.
type approvalIn struct {
	ApprovalID string `path:"approvalId" doc:"Names the approval."`
}

// approvalID returns the identifier, or an error if there can be no such approval.
func approvalID(text string) (autonoma.ApprovalID, error) {
	id := autonoma.ApprovalID(text)
	if !id.Valid() {
		return "", fmt.Errorf("there is no such approval: %w", autonoma.ErrNotFound)
	}
	return id, nil
}

type approvalOut struct {
	Body api.Approval
}

type listApprovalsIn struct {
	Status string `query:"status" doc:"Only approvals with this status."`
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many approvals a page holds at most."`
}

type listApprovalsOut struct {
	Body api.Approvals
}

func (s *server) listApprovals(ctx context.Context, by autonoma.Actor, in *listApprovalsIn) (*listApprovalsOut, error) {
	from, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, next, err := s.Approvals.List(ctx, by, autonoma.ApprovalStatus(in.Status), from, in.Limit)
	return &listApprovalsOut{api.Approvals{Approvals: each(all, api.ApprovalOf), NextCursor: nextCursor(next)}}, err
}

func (s *server) getApproval(ctx context.Context, by autonoma.Actor, in *approvalIn) (*approvalOut, error) {
	id, err := approvalID(in.ApprovalID)
	if err != nil {
		return nil, err
	}
	a, err := s.Approvals.Get(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return &approvalOut{api.ApprovalOf(a)}, nil
}

type decideIn struct {
	ApprovalID string `path:"approvalId" doc:"Names the approval."`
	Sent       sent[api.Decide]
}

func (s *server) decideApproval(ctx context.Context, by autonoma.Actor, in *decideIn) (*approvalOut, error) {
	id, err := approvalID(in.ApprovalID)
	if err != nil {
		return nil, err
	}
	wish, faults, err := in.Sent.get()
	if err != nil {
		return nil, err
	}
	if len(faults) == 0 && wish.Decision != api.Approve && wish.Decision != api.Reject {
		faults = append(faults, &autonoma.FieldError{Field: "decision", Reason: "must be " + api.Approve + " or " + api.Reject})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	a, err := s.Approvals.Decide(ctx, by, id, wish.Decision == api.Approve, wish.Reason)
	if err != nil {
		return nil, err
	}
	return &approvalOut{api.ApprovalOf(a)}, nil
}
