package rigor

import (
	"errors"

	"autonoma"
	"autonoma/internal/workspace"
)

// failure returns the failure in err's chain, if there is one.
func failure(err error) (*autonoma.Failure, bool) {
	return errors.AsType[*autonoma.Failure](err)
}

// sourceFailure makes what is wrong with a source a failure of the run.
func sourceFailure(err error) error {
	if wrong, ok := errors.AsType[*workspace.SourceError](err); ok {
		return &autonoma.Failure{Code: autonoma.FailSource, Message: wrong.Error(), Retryable: wrong.Reason == workspace.ReasonUnreachable}
	}
	return err
}
