using System.Net;

namespace PointSystem.Tests.Infrastructure;

/// <summary>Creates members over HTTP.</summary>
internal static class MemberExtensions
{
    /// <summary>A new member with one lot of that many points. It is created with patience: a service that has just started may be slow at first.</summary>
    public static async Task<long> CreateMemberAsync(this PointsClient client, long points)
    {
        var member = PointsClient.NewMember();
        await Eventually.HoldsAsync(
            async () =>
            {
                // Refused as 423, it had no effect.
                var answer = await client.AccumulateAsync(member, points);
                return answer.Status != HttpStatusCode.Locked && answer.Expect(HttpStatusCode.Created) is not null;
            },
            "the member is created");
        return member;
    }

    /// <summary>New members, each with one lot of that many points.</summary>
    public static async Task<long[]> CreateMembersAsync(this PointsClient client, int count, long points)
    {
        var members = new long[count];
        for (var i = 0; i < count; i++)
        {
            members[i] = await client.CreateMemberAsync(points);
        }

        return members;
    }
}
