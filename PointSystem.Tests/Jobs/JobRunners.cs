using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using PointSystem.Api.Jobs;
using PointSystem.Tests.Locking;

namespace PointSystem.Tests.Jobs;

internal static class JobRunners
{
    /// <summary>The job runner of a replica. It has no database for a fallback to advisory locks.</summary>
    public static JobRunner Runner(this LockReplica replica) => new(
        replica.JobLocks, new AdvisoryLocks(new ConfigurationBuilder().Build()), Options.Create(new JobOptions()), TimeProvider.System,
        NullLogger<JobRunner>.Instance);
}
