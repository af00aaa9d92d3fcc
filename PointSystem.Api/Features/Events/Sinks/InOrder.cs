namespace PointSystem.Api.Features.Events.Sinks;

/// <summary>Publishes one event after the other for each partition key, and those of different keys at the same time.</summary>
internal static class InOrder
{
    /// <param name="events">The events, in order.</param>
    /// <param name="concurrency">Keys at a time.</param>
    /// <param name="publish">Publishes one event and returns when it is confirmed. After its failure no later event of that key is published.</param>
    /// <param name="confirmed">Called for each confirmed event.</param>
    /// <param name="cancellationToken">Ends it between two events.</param>
    public static Task PublishAsync(
        IReadOnlyList<CloudEvent> events,
        int concurrency,
        Func<CloudEvent, CancellationToken, Task> publish,
        Action<CloudEvent> confirmed,
        CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(
            events.GroupBy(one => one.PartitionKey, StringComparer.Ordinal),
            new ParallelOptions { MaxDegreeOfParallelism = concurrency, CancellationToken = cancellationToken },
            async (sequence, token) =>
            {
                foreach (var one in sequence)
                {
                    await publish(one, token);
                    confirmed(one);
                }
            });
}
