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

// treeFailure makes what is wrong with files a failure of the run: in those of the
// source before anything is changed, and later in what was made of them.
func (x *execution) treeFailure(err error, p autonoma.Phase) error {
	wrong, ok := errors.AsType[*workspace.TreeError](err)
	if _, told := failure(err); told || !ok {
		return err
	}
	if x.start == x.base.Commit && (p == "" || p == autonoma.Research || p == autonoma.Inspect) {
		return &autonoma.Failure{Code: autonoma.FailSource, Message: "the files of the source cannot be worked on: " + wrong.Error() + "; mend that in the repository"}
	}
	return &autonoma.Failure{Code: autonoma.FailVerification, Message: "what the work or its checks left cannot be used: " + wrong.Error() +
		"; say in the task that this is not to be changed, or choose other checks"}
}

// sourceFailure makes what is wrong with a source a failure of the run.
func sourceFailure(err error) error {
	if wrong, ok := errors.AsType[*workspace.SourceError](err); ok {
		return &autonoma.Failure{Code: autonoma.FailSource, Message: wrong.Error(), Retryable: wrong.Reason == workspace.ReasonUnreachable}
	}
	return err
}
