package worker

import (
	"context"
	"errors"
	"time"

	"autonoma"
	"autonoma/internal/journal"
	"autonoma/internal/model"
	"autonoma/internal/queue"
	"autonoma/internal/rigor"
	"autonoma/internal/store"
)

// settle records the end of an execution that did not come to a result, and says
// what becomes of the job.
func (w *Worker) settle(ctx context.Context, lease store.Lease, j queue.Job, err error) (outcome string, _ error) {
	failed, isFailure := errors.AsType[*autonoma.Failure](err)
	refused, isModel := errors.AsType[*model.Error](err)
	unanswered, asks := errors.AsType[*autonoma.Unanswered](err)
	switch {
	case err == nil:
		return "completed", nil
	case asks:
		return "asks", w.ask(ctx, lease, unanswered.Question)
	case errors.Is(err, store.ErrLost):
		return "lost", nil
	case errors.Is(err, journal.ErrCut):
		return "cut", errors.Join(w.notice(ctx, lease, journal.Paused, "the server shuts down; the work goes on after its next start"), queue.Later(0))
	case errors.Is(err, errCutOff):
		return "cut off", errors.Join(w.notice(ctx, lease, "cut_off", "the server shuts down in the middle of something; the work goes on after its next start"), queue.Later(0))
	case errors.Is(err, context.Canceled) && w.stopping():
		return "cut", queue.Later(0)
	case errors.Is(err, rigor.ErrElsewhere):
		return "elsewhere", errors.Join(w.notice(ctx, lease, "source_outside", "the source lies outside of the roots this server was started with; the work waits for one that may work on it"), queue.Later(time.Minute))
	case isFailure:
		return "failed", w.fail(ctx, lease, failed)
	case isModel && refused.Retryable():
		err := w.park(ctx, lease, refused)
		if gaveUp, ok := errors.AsType[*autonoma.Failure](err); ok {
			return "failed", w.fail(ctx, lease, gaveUp)
		}
		return "waiting", err
	case isModel:
		return "failed", w.fail(ctx, lease, modelFailure(refused))
	case errors.Is(err, journal.ErrMismatch) || j.Last():
		w.Log.ErrorContext(ctx, "execution", "run", lease.Run, "execution", lease.Execution, "err", err)
		return "failed", w.fail(ctx, lease, &autonoma.Failure{
			Code: autonoma.FailInternal, Message: "a fault of this server; its log tells more", Retryable: true,
		})
	}
	return "again", errors.Join(err, w.notice(ctx, lease, "server_error", "something failed on this server, whose log tells what; the work will be tried again"))
}

// notice tells the owner of a run what happens to it.
func (w *Worker) notice(ctx context.Context, lease store.Lease, code, message string) error {
	return w.DB.Append(ctx, lease, autonoma.Usage{}, autonoma.NewEvent(autonoma.EventNotice, lease.Execution, time.Now(), autonoma.Notice{
		Code: code, Message: message,
	}))
}

func (w *Worker) stopping() bool {
	select {
	case <-w.cut:
		return true
	default:
		return false
	}
}

// modelFailure is how a model's refusal is told to the owner of a run.
func modelFailure(e *model.Error) *autonoma.Failure {
	f := &autonoma.Failure{Code: autonoma.FailModel, Message: e.Error()}
	switch e.Kind {
	case model.TooLong:
		f.Code = autonoma.FailContext
	case model.Stalled:
		f.Code = autonoma.FailSilent
	default:
	}
	return f
}
