"""The GraphQL we speak with Dagster; every result is called ``said`` and names its type."""

from __future__ import annotations

_TROUBLE = """
    ... on PythonError { message }
    ... on UnauthorizedError { message }
"""

_LAUNCHED = (
    """{
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PipelineNotFoundError { message }
    ... on RunConflict { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on InvalidStepError { invalidStepKey }
    ... on InvalidSubsetError { message }
    ... on ConflictingExecutionParamsError { message }
    ... on PresetNotFoundError { message }
    ... on NoModeProvidedError { message }
"""
    + _TROUBLE
    + "}"
)

_HEAD = "runId jobName status rootRunId startTime endTime tags { key value }"

VERSION = "query Version { said: repositoriesOrError { __typename } }"

REPOSITORIES = """
query Repositories {
  said: repositoriesOrError {
    __typename
    ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
    ... on PythonError { message }
  }
}
"""

LOCATIONS = """
query Locations {
  said: workspaceOrError {
    __typename
    ... on Workspace { locationEntries { name locationOrLoadError { __typename } } }
    ... on PythonError { message }
  }
}
"""

RELOAD = (
    """
mutation Reload($name: String!) {
  said: reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on ReloadNotSupported { message }
    ... on RepositoryLocationNotFound { message }
"""
    + _TROUBLE
    + "}}"
)

ADD_PARTITION = (
    """
mutation AddPartition($repo: RepositorySelector!, $name: String!, $key: String!) {
  said: addDynamicPartition(
    repositorySelector: $repo, partitionsDefName: $name, partitionKey: $key
  ) {
    __typename
"""
    + _TROUBLE
    + "}}"
)

LAUNCH = (
    "mutation Launch($params: ExecutionParams!) { said: launchRun(executionParams: $params) "
    + _LAUNCHED
    + "}"
)

FOLLOWED_RUNS = (
    "query FollowedRuns($filter: RunsFilter) { said: runsOrError(filter: $filter) "
    "{ __typename ... on Runs { results { "
    + _HEAD
    + """ stepStats { stepKey status } } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
}}"""
)

FIGURES = """
query Figures($runId: ID!) {
  said: runOrError(runId: $runId) {
    __typename
    ... on Run {
      assetMaterializations {
        assetKey { path }
        metadataEntries { label __typename ... on IntMetadataEntry { intValue } }
      }
    }
    ... on RunNotFoundError { message }
    ... on PythonError { message }
  }
}
"""

RUNS = (
    "query SomeRuns($filter: RunsFilter, $limit: Int) "
    "{ said: runsOrError(filter: $filter, limit: $limit) "
    "{ __typename ... on Runs { results { "
    + _HEAD
    + """ } }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
}}"""
)

COUNTED_RUNS = """
query CountedRuns($filter: RunsFilter) {
  said: runsOrError(filter: $filter) {
    __typename
    ... on Runs { count }
    ... on InvalidPipelineRunsFilterError { message }
    ... on PythonError { message }
  }
}
"""

TERMINATE = (
    """
mutation Terminate($runId: String!) {
  said: terminateRun(runId: $runId) {
    __typename
    ... on TerminateRunFailure { message }
    ... on RunNotFoundError { message }
"""
    + _TROUBLE
    + "}}"
)

HEARTBEATS = """
query Heartbeats {
  said: instance {
    __typename
    daemonHealth { allDaemonStatuses { required lastHeartbeatTime } }
  }
}
"""
